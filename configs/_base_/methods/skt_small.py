# Skeletal Twins sized for a few hundred short clips and 2 CPU cores.
_base_ = './skeletonbt_small.py'

method = 'SKT'
model = dict(heads=dict(twins=dict(instance_weight=1.0)))
