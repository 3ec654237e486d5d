# AS-CAL sized for a few hundred short clips and 2 CPU cores.
_base_ = './ascal.py'

model = dict(queue_size=1024, momentum=0.99)
