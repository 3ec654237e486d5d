# Mined positives, and later hallucinated ones as well.
_base_ = './moco_nnm_small.py'

method = 'HaLP + NNM'
model = dict(heads=dict(halp=dict(type='HaLPHead', start_epoch=80, temperature=0.1)))
