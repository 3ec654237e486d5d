"""Folders of what pose estimators and motion capture write, with a labels file.

For the formats see :mod:`~.folder.formats`. A clip is a file, or a folder of OpenPose; its name is
its path in the folder without the suffix. Without a given format, it is recognised from the first
file.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path
from types import ModuleType

import numpy as np

from halp_mm.preparation.folder.clip_files import SUFFIXES as ARRAY_SUFFIXES
from halp_mm.preparation.folder.formats import (
    alphapose,
    azure_kinect,
    bvh,
    mediapipe,
    mmpose,
    openpose,
)
from halp_mm.preparation.folder.formats.json_file import read_json
from halp_mm.preparation.folder.source import FolderSource, lists_of, shaped_clip
from halp_mm.preparation.raw_files import ParsedClip, RawFiles, find_files
from halp_mm.preparation.summary import Summary
from halp_mm.registry import SOURCES
from halp_mm.skeletons import SkeletonLayout

#: The formats by name.
FORMATS: dict[str, ModuleType] = {
    'openpose': openpose,
    'alphapose': alphapose,
    'mmpose': mmpose,
    'mediapipe': mediapipe,
    'azure_kinect': azure_kinect,
    'bvh': bvh,
}
_PEOPLE = (
    'people are followed by track ids, else by nearest skeletons; the two of largest energy are '
    'kept, the larger one first'
)


def find_format(folder: Path, lists: Collection[Path] = ()) -> str | None:
    """Recognise the format of a folder's files.

    Args:
        folder: The folder.
        lists: Files in it that are no clips, resolved.

    Returns:
        The name of a format; None if there are arrays, or nothing that is known.

    Raises:
        OSError: if the first JSON file cannot be read.
        ValueError: if it is of no known format.
    """
    if not folder.is_dir():
        return None
    paths = [
        path
        for path in find_files(folder, {*ARRAY_SUFFIXES, '.json', '.bvh'})
        if path.resolve() not in lists
    ]
    suffixes = {path.suffix.lower() for path in paths}
    if not paths or suffixes & {*ARRAY_SUFFIXES}:
        return None
    if '.bvh' in suffixes:
        return 'bvh'
    if any(path.name.endswith(openpose.FILE_END) for path in paths):
        return 'openpose'
    first = paths[0]
    content = read_json(first)
    for name in ('alphapose', 'azure_kinect', 'mmpose', 'mediapipe'):
        if FORMATS[name].recognises(content):
            return name
    raise ValueError(
        f'{first} is of no format that is known; expected one of {", ".join(FORMATS)}. Say which '
        'it is by --format'
    )


@SOURCES.register_module()
class PoseFilesSource(FolderSource):
    """One's own clips as pose estimators write them, as this module's docstring says.

    Args:
        folder: The folder with the files.
        format: One of :data:`FORMATS`.
        labels: The labels file; see :class:`FolderSource`.
        classes: See :class:`FolderSource`.
        layout: The joint layout; by default the format's for the joints in the first clip.
        dataset: Name of the data set; by default the folder's.

    Raises:
        FileNotFoundError: if a file or the folder is missing.
        ValueError: if the format is unknown, there are no files, or the first one is bad.
    """

    def __init__(
        self,
        folder: str | os.PathLike,
        format: str,
        labels: str | os.PathLike | None = None,
        classes: str | os.PathLike | None = None,
        layout: str | Mapping | SkeletonLayout | None = None,
        dataset: str | None = None,
    ) -> None:
        if format not in FORMATS:
            raise ValueError(f'format is {format!r}; expected one of {", ".join(FORMATS)}')
        self.format = FORMATS[format]
        self.parse = self.format.parse
        self.suffixes = ('',) if self.format is openpose else self.format.SUFFIXES
        self._lists = lists_of(Path(folder), labels, classes)
        self._clips = self._find_clips(Path(folder), format)
        self._first, self._kind, found = self._look_at_first(layout)
        super().__init__(folder, found, labels, classes, dataset)
        self.notes = {'format': format, 'choice_of_people': _PEOPLE}
        self._rates: Counter[float] = Counter()

    def recordings(self, summary: Summary) -> list[RawFiles]:
        """The clips that have a row."""
        found = super().recordings(summary)
        return [RawFiles(files.name, self._clips[files.name]) for files in found]

    def fit(self, clip: ParsedClip) -> np.ndarray:
        """What a file holds as a clip of the layout, ``[M, T, V, C]``."""
        where = self._files[clip.name]
        kind = clip.facts.get('kind')
        if kind != self._kind:
            what = 'joint tree' if self.format is bvh else 'kind of landmarks (world or image)'
            raise ValueError(
                f'{where} is of another {what} than {self._clips[self._first][0]}; expected the '
                'same in all files. Put them into a folder of their own'
            )
        if not len(clip.coordinates):
            return clip.coordinates
        people = shaped_clip(clip.coordinates, self.layout, where)
        if rate := clip.facts.get('frames_per_1000_seconds'):
            self._rates[rate / 1000] += 1
        return people

    def remarks(self, summary: Summary) -> list[str]:
        """The remarks of a :class:`FolderSource`, and the frame rates, if files state them."""
        lines = super().remarks(summary)
        if self._rates:
            rates = ', '.join(f'{rate:g} in {clips} clips' for rate, clips in self._rates.items())
            lines.append(f"frames a second: {rates}; coordinates are in the files' unit")
        return lines

    def _look_at_first(
        self, layout: str | Mapping | SkeletonLayout | None
    ) -> tuple[str, int | None, str | Mapping | SkeletonLayout]:
        """The first clip that can be read, its kind and its layout."""
        errors = []
        for name, paths in self._clips.items():
            try:
                return name, *self._kind_and_layout(name, paths, layout)
            except (OSError, ValueError) as error:  # noqa: PERF203 - the first one is good, mostly
                errors.append(error)
        raise errors[0]

    def _kind_and_layout(
        self,
        name: str,
        paths: tuple[Path, ...],
        layout: str | Mapping | SkeletonLayout | None,
    ) -> tuple[int | None, str | Mapping | SkeletonLayout]:
        if self.format is bvh:
            found, kind = bvh.layout_of_file(paths[0])
            return kind, found if layout is None else layout
        poses = self.format.read(RawFiles(name, paths))
        joints = poses.values.shape[1]
        layout = self.format.LAYOUTS.get((joints, poses.dimensions)) if layout is None else layout
        if layout is None:
            raise ValueError(
                f'{paths[0]} has {joints} joints with {poses.dimensions} coordinates; expected '
                f'{" or ".join(f"{v} with {c}" for v, c in self.format.LAYOUTS)}. Name the layout '
                'by --layout'
            )
        return poses.facts.get('kind'), layout

    def _find_clips(self, folder: Path, name: str) -> dict[str, tuple[Path, ...]]:
        """The files of each clip by its name."""
        if not folder.is_dir():
            raise FileNotFoundError(f'there is no folder {folder}; expected the clips in it')
        found = [
            path
            for path in find_files(folder, self.format.SUFFIXES)
            if path.resolve() not in self._lists
        ]
        clips: dict[str, list[Path]] = {}
        for path in found:
            inside = path.relative_to(folder)
            if self.format is not openpose:
                clips[inside.with_suffix('').as_posix()] = [path]
            elif path.name.endswith(openpose.FILE_END):
                clips.setdefault(inside.parent.as_posix(), []).append(path)
        if not clips:
            raise ValueError(
                f'{folder} has no files of {name}; expected '
                + (f'folders of *{openpose.FILE_END}' if self.format is openpose else 'one a clip')
                + ' in it'
            )
        if '.' in clips:
            raise ValueError(
                f'{folder} has {clips["."][0].name} itself; expected a folder for each clip in it. '
                'Give the folder that holds the folders'
            )
        return {clip: tuple(paths) for clip, paths in sorted(clips.items())}

    def _find_files(self, summary: Summary) -> dict[str, Path]:
        """What stands for each clip: its file, or its folder."""
        return {
            name: paths[0].parent if self.format is openpose else paths[0]
            for name, paths in self._clips.items()
        }
