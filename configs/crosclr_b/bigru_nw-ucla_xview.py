_base_ = ['../_base_/methods/crosclr_b_small.py', '../_base_/datasets/nw-ucla_xview.py']

model = dict(encoder=dict(num_people=1))
