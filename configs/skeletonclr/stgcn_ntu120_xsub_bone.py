_base_ = './stgcn_ntu120_xsub_joint.py'

model = dict(streams=['bone'])
