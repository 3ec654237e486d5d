# HaLP and Barlow Twins in one list of heads, on the same embeddings. They have unit length, and
# correlations do not depend on their scale.
_base_ = './halp_small.py'

method = 'HaLP + Barlow Twins'
model = dict(
    heads=dict(
        twins=dict(type='CrossCorrelationHead', other_view='other_query', weight=0.02),
    )
)
data_preprocessor = dict(views=dict(other_query=_base_.data_preprocessor.views.query))
