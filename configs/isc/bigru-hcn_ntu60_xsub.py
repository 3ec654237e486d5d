_base_ = ['../_base_/methods/isc_sequence_image.py', '../_base_/datasets/ntu60_xsub.py']
