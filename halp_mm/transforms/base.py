"""What a batched transform is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from torch import Generator, Tensor

from halp_mm.skeletons import Clips


class BatchTransform(ABC):
    """A transform of a padded batch of clips, on the device where the batch is.

    What happens to a clip does not depend on the other clips of the batch, and nothing waits for
    the device.
    """

    #: Whether there are random draws. A deterministic transform needs to run only once.
    is_random = False
    #: Whether people who are absent from a clip, and are the last, can be left out of it: they stay
    #: zero, and nobody else depends on them.
    keeps_absent_people = False
    #: Whether people are turned to the sensor, whichever way they faced.
    turns_people = False

    @abstractmethod
    def __call__(self, clips: Clips, generator: Generator | None = None) -> Clips:
        """Transform a batch.

        Args:
            clips: The batch.
            generator: Source of random draws, on the batch's device; None for PyTorch's own. Drawn
                from through :mod:`halp_mm.clip_draws`, numbers are those of the clip's place in the
                global batch, whatever the number of processes; drawn from through PyTorch's
                functions, they are each process's own.
        """


class RandomTransform(BatchTransform):
    """A transform with random numbers, one draw a clip.

    A subclass says in :meth:`draw` which numbers it needs and in :meth:`apply` what it does with
    them, so that a draw can be looked at, or used again.
    """

    is_random = True

    @abstractmethod
    def draw(self, clips: Clips, generator: Generator | None) -> dict[str, Tensor]:
        """The draws for a batch: tensors ``[N, ...]``, the keyword arguments of :meth:`apply`."""

    @abstractmethod
    def apply(self, clips: Clips, *args: Any, **draws: Any) -> Clips:
        """Transform a batch with the given draws."""

    def __call__(self, clips: Clips, generator: Generator | None = None) -> Clips:
        """Draw and apply."""
        return self.apply(clips, **self.draw(clips, generator))
