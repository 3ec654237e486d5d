# CMD with positives hallucinated in each stream.
_base_ = './cmd.py'

method = 'HaLP + CMD'
model = dict(heads=dict(halp=dict(type='HaLPHead', start_epoch=200)))
