# SkeletonBT as its release trains it: all clips of a batch share their draws.
_base_ = './stgcn_ntu60_xsub.py'

view = [dict(type='SameDraws', transforms=_base_.view)]
data_preprocessor = dict(views=dict(query=view, other_query=view))
