# With a few hundred clips, positives must stay close to their keys: see docs/benchmarks.md.
_base_ = '../moco/bigru_utd-mhad_xsub.py'

method = 'HaLP'
model = dict(heads=dict(halp=dict(type='HaLPHead', start_epoch=160, weight=0.1, hardness=0.2)))
