# Skeletal Twins. There is no release, and the paper's formula and settings were not at hand: it is
# SkeletonBT with a term that pulls the two embeddings of each clip together.
_base_ = './skeletonbt.py'

method = 'SKT'
model = dict(heads=dict(twins=dict(instance_weight=1.0)))
