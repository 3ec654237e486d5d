# The classifier sees the same crops in every epoch, so features are computed once.
_base_ = './gru.py'

protocols = dict(linear=dict(learning_rate=1.0, epochs=200, milestones=[120, 170], train_view=None))
