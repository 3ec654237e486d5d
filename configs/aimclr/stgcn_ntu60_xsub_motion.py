_base_ = './stgcn_ntu60_xsub_joint.py'

model = dict(streams=['motion'])
