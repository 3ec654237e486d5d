_base_ = './stgcn_ntu60_xview_joint.py'

model = dict(streams=['bone'])
