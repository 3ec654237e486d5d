"""A split of a data file, as a data set for PyTorch's and mmengine's loaders."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from halp_mm.argument_checks import check_count
from halp_mm.datasets.batches import batch_positions
from halp_mm.datasets.collate import pad_clips
from halp_mm.datasets.coordinate_checks import describe_bad_coordinates
from halp_mm.datasets.opening import DataFile, check_data_file, data_files, open_storage
from halp_mm.datasets.people import with_people
from halp_mm.datasets.storage import UNLABELLED, ClipBlock
from halp_mm.problems import BadClipError
from halp_mm.registry import DATASETS
from halp_mm.skeletons import Clips, SkeletonLayout


@DATASETS.register_module()
class SkeletonDataset(Dataset):
    """The clips of one split.

    Frames stay in the file until a clip is asked for. Workers, forked or spawned, read the same
    file; nothing but its name travels to them. Of an annotation pickle of MMAction2 or PYSKL all
    clips are kept in memory.

    Args:
        data_file: A file that one of the tools under ``tools/data/`` made, or an annotation
            pickle called ``.pkl`` or ``.pickle``. Several of them, if they have the same joints
            and unit, are read as one: classes are joined by name, clips are called
            ``SOURCE/CLIP``.
        split: The split's name in it, such as ``'xsub_train'``; each of several files needs it.
        num_people: M of every sample: clips with fewer people are padded with zeros, of clips
            with more the first ones are kept. People who are seen in no frame of a clip do not
            count. By default the most that any clip of the file has.
        prepare_with: The command that makes the data file; shown when the file is missing.
        layout: The layout of the joints: its name or a dict. A pickle needs it; a data file has
            its own, which has to be the same.

    Raises:
        FileNotFoundError: if the data file is missing; says which command makes it.
        ValueError: if the file is damaged, has no such split or another layout, or is a pickle
            and the layout is not given.
    """

    def __init__(
        self,
        data_file: DataFile,
        split: str,
        num_people: int | None = None,
        prepare_with: str = '',
        layout: str | Mapping | SkeletonLayout | None = None,
    ) -> None:
        if num_people is not None:
            check_count(num_people=num_people)
        check_data_file(data_file, prepare_with)
        self.data_files = data_files(data_file)
        self.split = split
        self._num_people = num_people
        self._normalized: ClipBlock | None = None
        self._normalized_layout: SkeletonLayout | None = None
        self._only_labelled = False
        # Where the clips stand in what normalize_once made; None where they are all of it.
        self._normalized_rows: list[int] | None = None
        self._storage = open_storage(data_file, layout)
        self._find_clips()

    def _find_clips(self) -> None:
        positions = self._storage.split(self.split)
        if self._only_labelled:
            positions = positions[self._storage.labels[positions] != UNLABELLED]
        self._positions = positions.tolist()
        self.num_people = self._num_people or int(self._storage.block.num_people.max())

    def __getstate__(self) -> dict:
        left_behind = {'_positions', '_storage'} if self._storage.stays_in_file else {'_positions'}
        return {key: value for key, value in self.__dict__.items() if key not in left_behind}

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)
        if '_storage' not in state:
            self._storage = open_storage(self.data_files)
        self._find_clips()

    @property
    def data_file(self) -> str:
        """The data file; several are joined by ``+``, for messages."""
        return ' + '.join(self.data_files)

    @property
    def layout(self) -> SkeletonLayout:
        """The joint layout of the samples: the file's, unless a normalisation has changed it."""
        return self._normalized_layout or self._storage.layout

    @property
    def stored_layout(self) -> SkeletonLayout:
        """The joint layout of the file."""
        return self._storage.layout

    @property
    def stored_clips(self) -> ClipBlock:
        """All clips of the file, those of other splits too, as they are stored."""
        return self._storage.block

    @property
    def positions(self) -> Tensor:
        """Where in the file the split's clips are, int64 ``[N]``."""
        return torch.from_numpy(np.array(self._positions, np.int64))  # faster than torch.tensor

    @property
    def labels(self) -> Tensor:
        """The class of each clip, int64 ``[N]``; -1 of one without a label."""
        return self._storage.labels[self._positions]

    @property
    def names(self) -> list[str]:
        """The name of each clip."""
        return [self._storage.names[position] for position in self._positions]

    @property
    def num_frames(self) -> Tensor:
        """The length of each clip, int64 ``[N]``."""
        if self._normalized is not None:
            return self._normalized.num_frames
        return self._storage.block.num_frames[self._positions]

    @property
    def num_bytes(self) -> int:
        """Size of all samples' coordinates."""
        joints, channels = self._storage.block.skeleton_shape
        num_frames = int(self._storage.block.num_frames[self._positions].sum())
        return num_frames * self.num_people * joints * channels * 4

    @property
    def metainfo(self) -> dict:
        """What the clips are, as plain containers; mmengine keeps it in checkpoints."""
        return {
            'dataset': self._storage.dataset,
            'split': self.split,
            'layout': self._storage.layout.name,
            'classes': list(self._storage.class_names),
        }

    def __len__(self) -> int:
        return len(self._positions)

    def __getitem__(self, index: int) -> dict:
        """One clip.

        Returns:
            ``clip`` ``[M, T, V, C]``, ``label`` (-1 without one), ``index`` (position in the
            split), ``layout``, and ``normalized``: whether :meth:`normalize_once` has been at work.

        Raises:
            BadClipError: if the clip has coordinates that are NaN, infinite or absurdly large, or
                the file has been cut off.
        """
        position = self._positions[index]
        if self._normalized is None:
            clip = self._storage.clip(position)
            wrong = describe_bad_coordinates(clip)
            if wrong:
                raise BadClipError(
                    f'{self.data_file}: clip {self._storage.names[position]!r} has {wrong}; make '
                    'the file again or leave the clip out'
                )
            clip = with_people(clip, self.num_people, self._storage.layout.dimensions)
        else:
            row = index if self._normalized_rows is None else self._normalized_rows[index]
            clip = self._normalized.clip(row)
        return {
            'clip': clip,
            'label': int(self._storage.labels[position]),
            'index': index,
            'layout': self.layout,
            'normalized': self._normalized is not None,
        }

    def labelled(self) -> SkeletonDataset:
        """The clips that have a label: the data set itself if all have one, else one of its own.

        Clips that are normalised already are not normalised again; they stay where they are.
        """
        has_label = self.labels != UNLABELLED
        if has_label.all():
            return self
        part = copy.copy(self)
        part._only_labelled = True
        part._find_clips()
        if self._normalized is not None:
            part._normalized_rows = has_label.nonzero().flatten().tolist()
        return part

    def normalize_once(
        self,
        normalization: Callable[[Clips], Clips],
        max_gigabytes: float = 4.0,
        device: torch.device | str = 'cpu',
        batch_size: int = 256,
    ) -> None:
        """Normalise all clips now and keep the result in shared memory.

        A normalisation is the same in every epoch, so a data set that fits into memory needs it
        only once. Samples say so by ``normalized``. A larger one stays as it is.

        Args:
            normalization: Takes and returns a padded batch.
            max_gigabytes: Size of the coordinates up to which this is done.
            device: Where to normalise; the result is kept in the CPU's memory.
            batch_size: How many clips are normalised at a time, at most.
        """
        if self._normalized is not None or self.num_bytes > max_gigabytes * 1e9:
            return
        blocks: list[Tensor | None] = [None] * len(self)
        num_frames = torch.zeros(len(self), dtype=torch.int64)
        for positions in batch_positions(self.num_frames, batch_size):
            batch = pad_clips([self[position] for position in positions])
            padded = (batch[key].to(device) for key in ('clips', 'num_frames'))
            clips = normalization(Clips(*padded, self._storage.layout))
            num_frames[positions] = clips.num_frames.cpu()
            for position, clip in zip(positions, clips.coordinates.cpu()):
                blocks[position] = clip[:, : num_frames[position]].flatten(0, 1).clone()
        self._normalized_layout = clips.layout
        self._normalized = ClipBlock(
            torch.cat(blocks).share_memory_(),
            num_frames,
            torch.full((len(self),), self.num_people),
        )
