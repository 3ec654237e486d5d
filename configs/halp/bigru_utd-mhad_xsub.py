# The recipe of tools/make_config.py, written by python -m tests.made_configs.
# 431 clips of xsub_train, tested on 430 of xsub_test; median 67 frames, 1 person.
_base_ = ['../_base_/methods/halp_small.py', '../_base_/datasets/utd-mhad_xsub.py']

model = dict(
    encoder=dict(num_people=1, layout='utd_mhad'),
    queue_size=256,
    heads=dict(halp=dict(num_newest=256, num_prototypes=20)),
)
data_preprocessor = dict(normalization=[dict(type='PreNormalize3D', turn=None)])
default_hooks = dict(checkpoint=dict(interval=20), evaluation=dict(interval=20))
