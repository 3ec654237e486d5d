_base_ = ['../_base_/methods/isc_sequence_image_small.py', '../_base_/datasets/synthetic_xsub.py']
