_base_ = './stgcn_msr-action3d_xsub_joint.py'

model = dict(streams=['motion'])
