_base_ = './stgcn_pku1_xsub_joint.py'

model = dict(streams=['bone'])
