# CMD with positives hallucinated in each stream.
_base_ = '../cmd/bigru_msr-action3d_xsub.py'

model = dict(
    heads=dict(
        moco=dict(type='MoCoHead', temperature=0.07),
        cmd=dict(type='CMDHead', top_k=512, start_epoch=120),
        halp=dict(type='HaLPHead', start_epoch=120, weight=0.1, hardness=0.2),
    )
)
