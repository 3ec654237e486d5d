# AS-CAL as its release trains it, where that differs: zeros after the clip's end are pooled, too,
# and the first of 61 epochs only fills the queue.
_base_ = './lstm_ntu60_xsub.py'

model = dict(encoder=dict(pools_all_frames=True), heads=dict(moco=dict(start_epoch=1)))
train_cfg = dict(max_epochs=61)
