_base_ = '../moco/bigru_synthetic_xsub.py'

method = 'CMD'
model = dict(streams=['joint', 'motion', 'bone'], heads=dict(cmd=dict(type='CMDHead', top_k=512)))
# With the baseline's learning rate the motion stream collapses.
optim_wrapper = dict(optimizer=dict(lr=0.03))
