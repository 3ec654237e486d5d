# CMD with a learnt camera in front of every stream's encoder.
_base_ = './bigru_synthetic_xsub.py'

encoder = _base_.model.encoder
model = dict(
    encoder=dict(_delete_=True, type='ViewAdaptedEncoder', hidden_size=32, encoder=encoder)
)
