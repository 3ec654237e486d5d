"""One file a data set: the frames of all clips end to end, read clip by clip, no pickle.

The file is a safetensors file. Its tensors:

======================  =======================================================================
``frames``              float32 ``[R, V, C]``: for each clip its M x T skeletons, person by
                        person, so that a clip is one contiguous block
``num_frames``          int64 ``[N]``: T of each clip
``num_people``          int64 ``[N]``: M of each clip
``label``               int64 ``[N]``, -1 where a clip has none
``name``                uint8: the clips' names, UTF-8, one a line, and up to 7 newlines more, so
                        that the following integers are aligned
``column/NAME``         int64 ``[N]``: further facts, such as ``column/subject``
``split/NAME``          int64: positions of the clips that belong to a split
``notes``               uint8, only where the notes are too long for the metadata: the notes, JSON
======================  =======================================================================

Its metadata: ``format`` (version of this description), ``layout`` (the whole layout as JSON, so a
file needs no other), ``class_names`` (JSON list), ``dataset`` (a name) and ``notes`` (JSON object,
what the preparing tool has to say). That all coordinates have been checked is said by the file's
time of modification, see :mod:`~halp_mm.datasets.writer_stamp`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from torch import Tensor

from halp_mm.atomic_write import check_replaceable
from halp_mm.datasets.clip_block import ClipBlock
from halp_mm.datasets.coordinate_checks import describe_bad_coordinates
from halp_mm.datasets.stored_frames import StoredFrames
from halp_mm.datasets.writer_stamp import set_stamp
from halp_mm.skeletons import SkeletonLayout, get_layout

FORMAT = 'halp_mm clips 1'
#: The label of a clip that has none.
UNLABELLED = -1
_TENSORS = {'frames', 'num_frames', 'num_people', 'label', 'name'}
_METADATA = {'layout', 'class_names', 'dataset', 'notes'}
_HEADER_BYTES = 1 << 18  # room kept for the header, which is known only when all clips are written


class ClipWriter:
    """Write a data file clip by clip: complete and valid in the end, or not there at all.

    Frames go to disk as they come, so memory does not grow with the number of clips. Use it as a
    context manager: leaving the block without an error finishes the file, an error removes it.

    Args:
        path: The file to make; an older file there stays until the new one is complete.
        layout: The joint layout of the clips.
        class_names: Class names; labels count from 0 in this list. Empty if no clip has a label.
        dataset: Name of the data set.

    Example:
        >>> with ClipWriter('mine.safetensors', 'kinect_v2', ['wave', 'nod'], 'mine') as writer:
        ...     writer.add('clip1', np.random.rand(1, 30, 25, 3), label=0, splits=['train'])
    """

    def __init__(
        self,
        path: str | os.PathLike,
        layout: str | Mapping | SkeletonLayout,
        class_names: Sequence[str],
        dataset: str,
    ) -> None:
        self.path = Path(path)
        self.layout = get_layout(layout)
        self.class_names = list(class_names)
        self.dataset = dataset
        self.notes: dict = {}
        self._names: dict[str, int] = {}
        self._facts: dict[str, list[int]] = {}
        self._splits: dict[str, list[int]] = {}
        self._channels: int | None = None
        self._partial = self.path.with_name(f'{self.path.name}.{os.getpid()}.partial')

    def __enter__(self) -> ClipWriter:
        check_replaceable(self.path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._partial.open('wb')
        self._file.seek(8 + _HEADER_BYTES)
        return self

    def add(
        self,
        name: str,
        clip: np.ndarray,
        label: int | None,
        splits: Sequence[str] = (),
        **columns: int,
    ) -> None:
        """Append a clip.

        Args:
            name: The clip's name, unique in the file.
            clip: ``[M, T, V, C]``, zero where a person is absent.
            label: Its class, counted from 0; None if it has no label.
            splits: The splits that it belongs to.
            columns: Further facts, the same for every clip, such as ``subject=3``.

        Raises:
            ValueError: if the clip, its name, its label or its columns cannot be stored; says why.
        """
        clip = np.ascontiguousarray(clip, dtype=np.float32)
        self._check(name, clip, label, columns)
        label = UNLABELLED if label is None else label
        position = len(self._names)
        self._names[name] = position
        facts = {'num_frames': clip.shape[1], 'num_people': clip.shape[0], 'label': label}
        facts |= {f'column/{key}': value for key, value in columns.items()}
        for key, value in facts.items():
            self._facts.setdefault(key, []).append(int(value))
        for split in splits:
            self._splits.setdefault(split, []).append(position)
        self._file.write(clip)  # not tofile, which says nothing when the disk is full

    def __exit__(self, error_type, error, traceback) -> None:
        try:
            if error_type is None:
                self._finish()
        finally:
            with suppress(OSError):  # a full disk, once more: the rest is not wanted any longer
                self._file.close()
            self._partial.unlink(missing_ok=True)

    def _check(self, name: str, clip: np.ndarray, label: int | None, columns: Mapping) -> None:
        where = f'clip {name!r}'
        if name in self._names or '\n' in name or not name:
            raise ValueError(f'{where}: names must be unique, not empty and on one line')
        if clip.ndim != 4 or clip.shape[2] != self.layout.num_joints or 0 in clip.shape:
            raise ValueError(
                f'{where} has shape {list(clip.shape)}; expected [people, frames, '
                f'{self.layout.num_joints} joints of layout {self.layout.name!r}, coordinates], '
                'none of them empty'
            )
        if self._channels not in (None, clip.shape[3]):
            raise ValueError(
                f'{where} has {clip.shape[3]} numbers a joint; the clips before it have '
                f'{self._channels}. Export all clips with a score or all without'
            )
        wrong = describe_bad_coordinates(clip)
        if wrong:
            raise ValueError(f'{where} has {wrong}; repair or leave out the clip')
        if label is not None and not 0 <= label < len(self.class_names):
            raise ValueError(
                f'{where} has label {label}; expected 0 to {len(self.class_names) - 1}, or None of '
                'a clip without a label'
            )
        expected = {key for key in self._facts if key.startswith('column/')}
        if self._names and {f'column/{key}' for key in columns} != expected:
            raise ValueError(f'{where} has columns {sorted(columns)}; others {sorted(expected)}')
        self._channels = clip.shape[3]

    def _finish(self) -> None:
        if not self._names:
            raise ValueError(f'{self.path}: no clips were added, so there is nothing to write')
        end = self._file.tell() - 8 - _HEADER_BYTES
        names = '\n'.join(self._names).encode()
        names += b'\n' * (-(end + len(names)) % 8)  # what follows is aligned for memory mapping
        arrays = {'name': np.frombuffer(names, np.uint8)}
        arrays |= {key: np.asarray(values, dtype='<i8') for key, values in self._facts.items()}
        arrays |= {
            f'split/{key}': np.asarray(values, dtype='<i8') for key, values in self._splits.items()
        }
        row = self.layout.num_joints * self._channels * 4
        shape = [end // row, self.layout.num_joints, self._channels]
        header = {
            '__metadata__': {
                'format': FORMAT,
                'layout': json.dumps(self.layout.to_dict()),
                'class_names': json.dumps(self.class_names),
                'dataset': self.dataset,
                'notes': json.dumps(self.notes),
            },
            'frames': {'dtype': 'F32', 'shape': shape, 'data_offsets': [0, end]},
        }
        for key, array in arrays.items():
            dtype = 'U8' if array.dtype == np.uint8 else 'I64'
            offsets = [end, end + array.nbytes]
            header[key] = {'dtype': dtype, 'shape': list(array.shape), 'data_offsets': offsets}
            self._file.write(array)
            end += array.nbytes
        text = json.dumps(header).encode()
        if len(text) > _HEADER_BYTES:
            notes = header['__metadata__']['notes'].encode()
            header['__metadata__']['notes'] = '{}'
            offsets = [end, end + len(notes)]
            header['notes'] = {'dtype': 'U8', 'shape': [len(notes)], 'data_offsets': offsets}
            self._file.write(notes)
            text = json.dumps(header).encode()
        if len(text) > _HEADER_BYTES:
            raise ValueError(
                f'{self.path}: layout, class names and the names of columns and splits take '
                f'{len(text)} bytes; at most {_HEADER_BYTES} fit. Shorten them'
            )
        text = text.ljust(_HEADER_BYTES)
        self._file.seek(0)
        self._file.write(_HEADER_BYTES.to_bytes(8, 'little') + text)
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()  # Windows renames no open file
        set_stamp(self._partial, text)
        self._partial.replace(self.path)


class ClipStorage:
    """Read a data file. Frames stay on disk until a clip is asked for.

    Args:
        path: A file that :class:`ClipWriter` made.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is empty, truncated or not a data file of ours; says what is wrong.
    """

    #: Whether the frames stay on disk; they are in memory otherwise.
    stays_in_file = True
    #: Whether all coordinates are known to be usable, so that readers need not look.
    is_checked: bool

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise FileNotFoundError(f'there is no data file {self.path}')
        self._check_header_size()
        try:
            with safe_open(self.path, framework='pt') as file:
                metadata = file.metadata() or {}
                names = file.keys()
                # Copies, because what is mapped must not be touched once a file may be cut off.
                tensors = {key: file.get_tensor(key).clone() for key in names if key != 'frames'}
        except SafetensorError as error:
            raise ValueError(
                f'{self.path} ({self.path.stat().st_size} bytes) is truncated or not a data file: '
                f'{error}. Make it again with the tool that made it'
            ) from error
        if metadata.get('format') != FORMAT:
            raise ValueError(
                f'{self.path} is of format {metadata.get("format")!r}; expected {FORMAT!r}. '
                'Make it with a tool under tools/data/'
            )
        missing = sorted(_TENSORS - set(names)) + sorted(_METADATA - set(metadata))
        if missing:
            raise ValueError(
                f'{self.path} lacks {missing}. Make it again with the tool that made it'
            )
        self.layout = get_layout(self._json('layout', metadata['layout'], dict))
        self.class_names: list[str] = self._json('class_names', metadata['class_names'], list)
        self.dataset = metadata['dataset']
        long_notes = tensors.get('notes')
        notes = metadata['notes'] if long_notes is None else bytes(long_notes.numpy())
        self.notes: dict = self._json('notes', notes, dict)
        self.labels: Tensor = tensors['label']
        self.names: list[str] = bytes(tensors['name'].numpy()).decode().rstrip('\n').split('\n')
        self.columns = _with_prefix(tensors, 'column/')
        self.splits = _with_prefix(tensors, 'split/')
        index = {key: tensors[key] for key in ('num_frames', 'num_people')}
        self._check_lengths(index | {'label': self.labels} | self.columns)
        frames = StoredFrames(self.path)
        self.is_checked = frames.is_checked
        self.block = ClipBlock(frames, **index)
        self._check()

    def __len__(self) -> int:
        return len(self.names)

    def clip(self, position: int) -> Tensor:
        """The clip at a position, float32 ``[M, T, V, C]``.

        Raises:
            BadClipError: if the file has been cut off since it was opened, or cannot be read.
        """
        return self.block.clip(position)

    def split(self, name: str) -> Tensor:
        """Positions of the clips of a split, int64.

        Raises:
            ValueError: if the file has no such split, or it is empty.
        """
        if name not in self.splits:
            raise ValueError(
                f'{self.path} has no split {name!r}; its splits are {sorted(self.splits)}'
            )
        if not len(self.splits[name]):
            raise ValueError(f'split {name!r} of {self.path} is empty')
        return self.splits[name]

    def _check_header_size(self) -> None:
        size = self.path.stat().st_size
        with self.path.open('rb') as file:
            header = int.from_bytes(file.read(8), 'little')
        if header > min(_HEADER_BYTES, max(size - 8, 0)):
            raise ValueError(
                f'{self.path} ({size} bytes) is truncated or not a data file: its header '
                f'would take {header} bytes; at most {_HEADER_BYTES} are expected. Make it again '
                'with the tool that made it'
            )

    def _json(self, key: str, text: str | bytes, kind: type) -> dict | list:
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ValueError(
                f'the entry {key!r} of {self.path} is no JSON ({error}). Make the file again with '
                'the tool that made it'
            ) from error
        if not isinstance(value, kind):
            raise ValueError(
                f'the entry {key!r} of {self.path} is a {type(value).__name__}, expected a '
                f'{kind.__name__}. Make the file again with the tool that made it'
            )
        return value

    def _check_lengths(self, columns: Mapping[str, Tensor]) -> None:
        self._refuse(
            f'{len(column)} entries of {key} for {len(self)} names'
            for key, column in columns.items()
            if column.shape != (len(self),)
        )

    def _check(self) -> None:
        count, problems = len(self), []
        if min(self.block.num_frames.min(), self.block.num_people.min()) < 1:
            problems.append('clips without frames or people')
        if not UNLABELLED <= self.labels.min() <= self.labels.max() < len(self.class_names):
            problems.append(f'labels outside the {len(self.class_names)} classes')
        stored, joints = self.block.frames.shape[:2]
        if self.block.num_skeletons != stored:
            problems.append(
                f'{stored} stored skeletons where the index needs {self.block.num_skeletons}'
            )
        if joints != self.layout.num_joints:
            problems.append(
                f'{joints} joints where layout {self.layout.name!r} has {self.layout.num_joints}'
            )
        for key, members in self.splits.items():
            if len(members) and not 0 <= members.min() <= members.max() < count:
                problems.append(f'split {key!r} points outside the {count} clips')
        self._refuse(problems)

    def _refuse(self, problems: Iterable[str]) -> None:
        text = '; '.join(problems)
        if text:
            raise ValueError(f'{self.path} contradicts itself: {text}')


def _with_prefix(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
