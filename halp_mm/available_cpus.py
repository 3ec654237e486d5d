"""How many CPUs a process may use."""

from __future__ import annotations

import os
from pathlib import Path

_CONTROL_GROUPS = Path('/sys/fs/cgroup')
#: Where a control group's quota and its period stand: version 2's file, version 1's two.
_QUOTAS = (('cpu.max',), ('cpu/cpu.cfs_quota_us', 'cpu/cpu.cfs_period_us'))


def available_cpus(control_groups: Path = _CONTROL_GROUPS) -> int:
    """The number of CPUs that this process is bound to, or fewer if its container grants fewer.

    Args:
        control_groups: Where Linux describes the container's control group.

    Returns:
        The number, at least 1.
    """
    bound = getattr(os, 'sched_getaffinity', None)
    count = len(bound(0)) if bound else os.cpu_count() or 1
    return max(1, min(count, round(_quota(control_groups) or count)))


def _quota(control_groups: Path) -> float | None:
    """The CPUs that a control group grants, such as 1.5; None without a limit."""
    for names in _QUOTAS:
        try:
            numbers = ' '.join(
                (control_groups / name).read_text(encoding='utf-8') for name in names
            ).split()
            quota, period = (float(number) for number in numbers)
        except (OSError, ValueError):  # the other version, another system, or the word "max"
            continue
        if quota > 0 and period > 0:
            return quota / period
    return None
