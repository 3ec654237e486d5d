# Sized for 2 CPU cores and a few hundred clips.
_base_ = './stgcn_supervised.py'

model = dict(encoder=dict(base_channels=16, stages=(2, 2, 2), feature_dim=64, dropout=0.25))
