# CMD is the baseline on three streams with a head that distils between them.
_base_ = './moco.py'

method = 'CMD'
model = dict(streams=['joint', 'motion', 'bone'], heads=dict(cmd=dict(type='CMDHead')))
