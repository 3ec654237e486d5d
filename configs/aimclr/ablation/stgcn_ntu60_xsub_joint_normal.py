# AimCLR, Table 1: normal augmentations only, which is SkeletonCLR.
_base_ = '../../skeletonclr/stgcn_ntu60_xsub_joint.py'
