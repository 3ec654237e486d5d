"""Options of the commands that several processes can run together."""

from __future__ import annotations

import os

from halp_mm.commands.command_line import Option

LAUNCHERS = ('none', 'pytorch', 'slurm', 'mpi')
LAUNCH_OPTIONS = {
    'launcher': Option(choices=LAUNCHERS),
    'local_rank': Option(flags=('--local_rank', '--local-rank')),
}


def set_local_rank(local_rank: int) -> None:
    """Set the process's number on its machine for mmengine, unless the launcher has set it."""
    os.environ.setdefault('LOCAL_RANK', str(local_rank))
