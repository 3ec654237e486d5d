_base_ = './stgcn_ntu120_xset_joint.py'

model = dict(streams=['motion'])
