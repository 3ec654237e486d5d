# Skeletal Twins sized for a few hundred short clips in batches of 32, on 2 CPU cores.
_base_ = './skeletonbt_small.py'

method = 'SKT'
model = dict(heads=dict(twins=dict(instance_weight=1.0)))
