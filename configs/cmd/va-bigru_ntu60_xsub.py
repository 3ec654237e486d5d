# CMD with a learnt camera in front of every stream's encoder.
_base_ = './bigru_ntu60_xsub.py'

encoder = dict(type='BiGRU', num_people=2, hidden_size=1024, num_layers=3)
model = dict(encoder=dict(_delete_=True, type='ViewAdaptedEncoder', encoder=encoder))
