_base_ = './stgcn_synthetic_xsub_joint.py'

model = dict(streams=['motion'])
