# The default, but test clips are classified by the classifier instead of by kNN.
_base_ = './default_runtime.py'

default_hooks = dict(
    evaluation=dict(
        _delete_=True, type='EvaluationHook', protocol=dict(type='ClassifierProtocol'), interval=5
    )
)
