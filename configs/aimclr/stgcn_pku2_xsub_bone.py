_base_ = './stgcn_pku2_xsub_joint.py'

model = dict(streams=['bone'])
