"""Make the data file of NW-UCLA from its zip file or the folder it was unpacked to."""

from __future__ import annotations

from halp_mm.commands.command_line import Option
from halp_mm.commands.preparation import preparation_command
from halp_mm.preparation.nw_ucla.source import prepare_nw_ucla

main = preparation_command(
    'prepare_nw_ucla.py',
    __doc__,
    prepare_nw_ucla,
    {'raw': Option(metavar='RAW')},
).main
