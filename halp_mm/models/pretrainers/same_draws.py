"""The same random draws for each stream."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

import torch

Result = TypeVar('Result')


def with_same_draws(
    function: Callable[[str], Result],
    streams: Iterable[str],
    device: torch.device | str = 'cpu',
) -> dict[str, Result]:
    """Call a function for each stream with the same random state.

    A stream's draws thus do not depend on the other streams.

    Args:
        function: A function of the name of a stream.
        streams: Names of the streams.
        device: Device whose random state is shared, in addition to the CPU's.

    Returns:
        The function's results by stream.
    """
    *others, last = streams
    devices = [device] if torch.device(device).type == 'cuda' else []
    results = {}
    for stream in others:
        with torch.random.fork_rng(devices):
            results[stream] = function(stream)
    results[last] = function(last)
    return results
