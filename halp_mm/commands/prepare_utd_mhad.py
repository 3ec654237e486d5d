"""Make the data file of UTD-MHAD from its zip file or the folder it was unpacked to."""

from __future__ import annotations

from halp_mm.commands.command_line import Option
from halp_mm.commands.preparation import preparation_command
from halp_mm.preparation.utd_mhad.source import prepare_utd_mhad

main = preparation_command(
    'prepare_utd_mhad.py',
    __doc__,
    prepare_utd_mhad,
    {'raw': Option(metavar='RAW')},
).main
