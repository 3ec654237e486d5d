# As released: only the paths over the first interval have the paths' weight, the others count as
# joints.
_base_ = './gltransformer_ntu60_xsub.py'

model = dict(heads=dict(displacement=dict(as_released=True)))
