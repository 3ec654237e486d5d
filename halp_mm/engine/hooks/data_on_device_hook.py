"""Keep the training clips on the device where there is room for them."""

from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.runner import Runner

from halp_mm.engine.clips_place import ClipsPlace, choose_place


class DataOnDeviceHook(Hook):
    """Before training, put all training clips on the device, if the config or the room allows it.

    Batches are then gathered there, by index, without workers: the same clips in the same order.
    The SkeletonRunner has this hook without being asked. See :func:`~.clips_place.choose_place`.
    """

    priority = 'BELOW_NORMAL'  # after they are normalised, before they are evaluated

    def __init__(self) -> None:
        self._place: ClipsPlace | None = None

    def place(self, runner: Runner) -> ClipsPlace:
        """Where the clips are, chosen once."""
        if self._place is None:
            self._place = choose_place(runner)
        return self._place

    def before_train(self, runner: Runner) -> None:
        """Put the clips there."""
        place = self.place(runner)
        if place.device is not None:
            runner.train_dataloader.dataset.keep_on(place.device, place.dtype)
            runner.train_loop.gathers_batches = True
