# AS-CAL sized for a few hundred short clips in batches of 32, on 2 CPU cores.
_base_ = './ascal.py'

model = dict(queue_size=1024, momentum=0.99)
