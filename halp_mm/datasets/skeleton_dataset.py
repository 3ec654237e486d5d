"""A split of a data file, as a data set for PyTorch's and mmengine's loaders."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from halp_mm.argument_checks import check_count
from halp_mm.datasets.batches import batch_positions
from halp_mm.datasets.clip_block import ClipBlock
from halp_mm.datasets.collate import pad, padded_in_groups
from halp_mm.datasets.coordinate_checks import describe_bad_coordinates
from halp_mm.datasets.indexed_samples import IndexedSamples
from halp_mm.datasets.opening import DataFile, check_data_file, data_files, open_storage
from halp_mm.datasets.people import with_people
from halp_mm.datasets.resident_clips import ResidentClips
from halp_mm.datasets.storage import UNLABELLED
from halp_mm.problems import BadClipError
from halp_mm.registry import DATASETS
from halp_mm.skeletons import Clips, SkeletonLayout


@DATASETS.register_module()
class SkeletonDataset(Dataset):
    """The clips of one split.

    Frames stay in the file until a clip is asked for, unless :meth:`normalize_once` or
    :meth:`keep_on` keeps all of them. Workers, forked or spawned, read the same file; nothing but
    its name travels to them. Of an annotation pickle of MMAction2 or PYSKL all clips are kept in
    memory.

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
        self._resident: ResidentClips | None = None
        # Where the clips stand among the resident ones; None where they are all of them.
        self._resident_rows: Tensor | None = None
        self._normalized_layout: SkeletonLayout | None = None
        self._only_labelled = False
        self._storage = open_storage(data_file, layout)
        self._find_clips()

    def _find_clips(self) -> None:
        positions = self._storage.split(self.split)
        if self._only_labelled:
            positions = positions[self._storage.labels[positions] != UNLABELLED]
        self._positions, self._labels = positions, self._storage.labels[positions]
        self.num_people = self._num_people or int(self._storage.block.num_people.max())

    def __getstate__(self) -> dict:
        left_behind = {'_positions', '_labels'}
        if self._storage.stays_in_file:
            left_behind.add('_storage')
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
        return self._positions

    @property
    def labels(self) -> Tensor:
        """The class of each clip, int64 ``[N]``; -1 of one without a label."""
        return self._labels

    @property
    def names(self) -> list[str]:
        """The name of each clip."""
        return [self._storage.names[position] for position in self._positions.tolist()]

    @property
    def num_frames(self) -> Tensor:
        """The length of each clip, int64 ``[N]``."""
        return self._lengths(torch.arange(len(self)))

    @property
    def num_bytes(self) -> int:
        """Size of all samples' coordinates, without people who are absent from a clip."""
        joints, channels = self._storage.block.skeleton_shape
        num_frames = self._storage.block.num_frames[self._positions]
        return int((num_frames * self._people_counts()).sum()) * joints * channels * 4

    @property
    def resident_on(self) -> torch.device | None:
        """The device on which all clips are, so that batches are gathered there; None in a file."""
        return None if self._resident is None else self._resident.device

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
        position = int(self._positions[index])
        if self._resident is None:
            clip = self._stored_clip(position)
        else:
            row = index if self._resident_rows is None else int(self._resident_rows[index])
            clip = self._resident.clip(row)
        return {
            'clip': clip,
            'label': int(self._labels[index]),
            'index': index,
            'layout': self.layout,
            'normalized': self._normalized_layout is not None,
        }

    def __getitems__(self, indices: Sequence[int]) -> IndexedSamples:
        """Some samples; PyTorch's loaders ask for those of a batch in this way."""
        return IndexedSamples(self, indices)

    def batch(self, indices: Sequence[int]) -> dict:
        """Some clips as a padded batch, which is faster than to collate samples.

        Args:
            indices: Which clips of the split.

        Returns:
            What :func:`~.collate.pad_clips` makes of the samples, on the device on which the clips
            are kept, if they are.

        Raises:
            BadClipError: see :meth:`__getitem__`.
        """
        chosen = torch.as_tensor(indices, dtype=torch.int64)
        return {
            **padded_in_groups(self._lengths(chosen), lambda rows: self._padded(chosen[rows])),
            'labels': self._labels[chosen],
            'indices': chosen,
            'layout': self.layout,
            'normalized': self._normalized_layout is not None,
        }

    def _lengths(self, indices: Tensor) -> Tensor:
        """The lengths of some clips, int64 ``[n]``."""
        if self._resident is None:
            return self._storage.block.num_frames[self._positions[indices]]
        return self._resident.num_frames[self._resident_places(indices)]

    def _resident_places(self, indices: Tensor) -> Tensor:
        """Where clips of the split stand among the resident clips, int64 ``[n]``."""
        return indices if self._resident_rows is None else self._resident_rows[indices]

    def _people_counts(self) -> Tensor:
        """How many people each clip has, at most M, int64 ``[N]``; the others are absent."""
        if self._resident is not None:
            return self._resident.num_kept[self._resident_places(torch.arange(len(self)))]
        return self._storage.block.num_people[self._positions].clamp(max=self.num_people)

    def _padded(self, indices: Tensor, most_people: int | None = None) -> Tensor:
        """Some clips, padded together: float32 ``[n, M, T, V, C]``, M at most ``most_people``."""
        if most_people is None:
            most_people = self.num_people
        if self._resident is not None:
            return self._resident.padded(self._resident_places(indices), most_people)
        positions = self._positions[indices]
        if not self._storage.is_checked:
            clips = pad([self._stored_clip(position) for position in positions.tolist()])
            return clips[:, :most_people]
        block = self._storage.block
        num_people = block.num_people[positions].clamp(max=most_people)
        size = (len(positions), most_people, int(block.num_frames[positions].max()))
        padded = np.zeros((*size, *block.skeleton_shape), np.float32)
        for clip, position, count in zip(padded, positions.tolist(), num_people.tolist()):
            block.fill(position, clip[:count])
        clips = torch.from_numpy(padded)
        # Who is seen in the first frame needs no second look.
        is_seen = (clips[:, :, 0, :, : self._storage.layout.dimensions] != 0).any(-1).any(-1)
        is_person = torch.arange(most_people) < num_people[:, None]
        for row in (is_person & ~is_seen).any(1).nonzero().flatten().tolist():
            clip = self._stored_clip(int(positions[row]))[:most_people]
            clips[row] = 0
            clips[row, :, : clip.shape[1]] = clip
        return clips

    def _stored_clip(self, position: int) -> Tensor:
        """A clip of the file, with M people."""
        clip = self._storage.clip(position)
        wrong = None if self._storage.is_checked else describe_bad_coordinates(clip)
        if wrong:
            raise BadClipError(
                f'{self.data_file}: clip {self._storage.names[position]!r} has {wrong}; make '
                'the file again or leave the clip out'
            )
        return with_people(clip, self.num_people, self._storage.layout.dimensions)

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
        if self._resident is not None:
            part._resident_rows = self._resident_places(has_label.nonzero().flatten())
        return part

    def normalize_once(
        self,
        normalization: Callable[[Clips], Clips],
        max_gigabytes: float = 4.0,
        device: torch.device | str = 'cpu',
        batch_size: int = 128,
    ) -> None:
        """Normalise all clips now and keep the result, where all workers of the process see it.

        A normalisation is the same in every epoch, so a data set that fits into memory needs it
        only once. Samples say so by ``normalized``. A larger one stays as it is. Clips that are on
        a device already stay there; otherwise they are kept in the CPU's shared memory.

        Args:
            normalization: Takes and returns a padded batch.
            max_gigabytes: Size of the coordinates up to which this is done.
            device: Where to normalise.
            batch_size: How many clips are normalised at a time, at most.
        """
        if self._normalized_layout is None and self.num_bytes <= max_gigabytes * 1e9:
            kept = self._resident or torch.empty(0)
            layout = self._keep(normalization, device, kept.device, kept.dtype, batch_size)
            self._normalized_layout = layout

    def keep_on(
        self,
        device: torch.device | str,
        dtype: torch.dtype = torch.float32,
        batch_size: int = 128,
    ) -> None:
        """Keep all clips on a device, as one tensor from which batches are gathered.

        Samples and batches are the same as before, in float32, but they are on this device.

        Args:
            device: Where to keep them; on the CPU they are in shared memory.
            dtype: The type in which they are kept.
            batch_size: How many clips are read at a time, at most.
        """
        if self._resident is None:
            self._keep(None, 'cpu', device, dtype, batch_size)
        else:
            self._resident = self._resident.to(device, dtype)

    def _keep(
        self,
        change: Callable[[Clips], Clips] | None,
        working_device: torch.device | str,
        device: torch.device | str,
        dtype: torch.dtype,
        batch_size: int,
    ) -> SkeletonLayout:
        """Keep what a change, if any, makes of all clips; return the layout that they then have."""
        num_frames, num_kept = torch.zeros(2, len(self), dtype=torch.int64)
        people = torch.full_like(num_frames, self.num_people)
        if change is None or getattr(change, 'keeps_absent_people', False):
            people = self._people_counts()
        order = people.argsort(stable=True)  # clips of as many people together
        parts = []
        for batch in batch_positions(self.num_frames[order], batch_size):
            rows = order[batch]
            padded = self._padded(rows, int(people[rows].max())).to(working_device)
            clips = Clips(padded, self._lengths(rows).to(working_device), self.layout)
            if change is not None:
                clips = change(clips)
            count = clips.num_people()
            person = torch.arange(clips.coordinates.shape[1], device=clips.device)
            is_kept = (person < count[:, None])[..., None] & clips.valid_frames()[:, None]
            skeletons = clips.coordinates.flatten(0, 2)
            if not is_kept.all():
                skeletons = skeletons.index_select(0, is_kept.flatten().nonzero().flatten())
            num_frames[rows], num_kept[rows] = clips.num_frames.cpu(), count.cpu()
            parts.append((rows, skeletons.cpu()))
        shape = clips.coordinates.shape[3:]
        resident = ResidentClips(num_frames, num_kept, self.num_people, shape, device, dtype)
        while parts:  # each is let go when it is in its place
            resident.put(*parts.pop())
        self._resident, self._resident_rows = resident, None
        return clips.layout
