"""How much memory a process may still take."""

from __future__ import annotations

import re
from pathlib import Path

_CONTROL_GROUPS = Path('/sys/fs/cgroup')
_MEMORY = Path('/proc/meminfo')
#: Where a control group's limit, its use and more facts stand: version 2's files, version 1's.
_LIMITS = (
    ('memory.max', 'memory.current', 'memory.stat'),
    ('memory/memory.limit_in_bytes', 'memory/memory.usage_in_bytes', 'memory/memory.stat'),
)


def available_memory(memory: Path = _MEMORY, control_groups: Path = _CONTROL_GROUPS) -> int | None:
    """The bytes that the system has available, or fewer if the container grants fewer.

    Args:
        memory: Where Linux describes the memory.
        control_groups: Where Linux describes the container's control group.

    Returns:
        The number of bytes; None on a system that does not say.
    """
    kilobytes = number_in_file(r'^MemAvailable: +(\d+) kB$', memory)
    if kilobytes is None:
        return None
    available = kilobytes * 1024
    for names in _LIMITS:
        limit, used, facts = (control_groups / name for name in names)
        granted = number_in_file(r'^(\d+)$', limit)
        taken = number_in_file(r'^(\d+)$', used)
        if granted is not None and taken is not None:  # no limit is the word "max"
            cached = number_in_file(r'^inactive_file (\d+)$', facts) or 0
            available = min(available, max(0, granted - taken + cached))
    return available


def number_in_file(pattern: str, path: Path) -> int | None:
    """The number of a line in a file; None if there is no such file or line."""
    try:
        found = re.search(pattern, path.read_text(encoding='utf-8'), re.MULTILINE)
    except OSError:
        return None
    return None if found is None else int(found[1])
