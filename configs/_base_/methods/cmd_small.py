# CMD sized for a few hundred short clips and 2 CPU cores.
_base_ = './moco_small.py'

method = 'CMD'
model = dict(streams=['joint', 'motion', 'bone'], heads=dict(cmd=dict(type='CMDHead', top_k=512)))
