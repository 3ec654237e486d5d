# CMD with positives hallucinated in each stream.
_base_ = './cmd_small.py'

method = 'HaLP + CMD'
model = dict(heads=dict(halp=dict(type='HaLPHead', start_epoch=80, temperature=0.1)))
