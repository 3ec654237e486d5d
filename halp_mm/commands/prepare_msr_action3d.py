"""Make the data file of MSR-Action3D from its zip file or the unpacked folder."""

from __future__ import annotations

from halp_mm.commands.command_line import Option
from halp_mm.commands.preparation import preparation_command
from halp_mm.preparation.msr_action3d.source import prepare_msr_action3d

main = preparation_command(
    'prepare_msr_action3d.py',
    __doc__,
    prepare_msr_action3d,
    {'raw': Option(metavar='RAW'), 'clip_list': Option(metavar='FILE')},
).main
