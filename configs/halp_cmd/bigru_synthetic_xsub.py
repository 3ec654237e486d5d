# CMD with positives hallucinated in each stream.
_base_ = '../cmd/bigru_synthetic_xsub.py'

model = dict(
    heads=dict(
        moco=dict(type='MoCoHead', temperature=0.07),
        cmd=dict(type='CMDHead', top_k=512),
        halp=dict(type='HaLPHead', start_epoch=160, weight=0.1),
    )
)
