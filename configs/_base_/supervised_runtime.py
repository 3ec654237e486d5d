# The default, but test clips are classified by the classifier instead of by kNN.
_base_ = './default_runtime.py'

custom_hooks = [
    dict(type='NormalizeOnceHook'),
    dict(type='EvaluationHook', protocol=dict(type='ClassifierProtocol'), interval=5),
]
