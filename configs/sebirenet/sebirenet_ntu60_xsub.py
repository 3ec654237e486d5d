_base_ = ['../_base_/methods/sebirenet.py', '../_base_/datasets/ntu60_xsub.py']
