# AimCLR with HaLP's positives for the normal view, sized for a few hundred short clips.
_base_ = './aimclr_small.py'

method = 'HaLP + AimCLR'
model = dict(heads=dict(halp=dict(type='HaLPHead', start_epoch=50, weight=0.1, hardness=0.2)))
