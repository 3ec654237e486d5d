"""Features of the clips of files and folders, from a checkpoint alone."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import torch

from halp_mm.apis.clip_collections import names_in_messages, open_clips
from halp_mm.apis.clip_reading import Layout
from halp_mm.apis.features import ClipFeatures
from halp_mm.apis.features_file import is_features_file, read_features
from halp_mm.apis.inferencer import SkeletonInferencer
from halp_mm.datasets.storage import UNLABELLED
from halp_mm.evaluation.encoder_digest import encoder_digest


def encode_files(
    checkpoint: str | os.PathLike | SkeletonInferencer,
    data: Sequence[str | os.PathLike],
    layout: Layout | None = None,
    labels: str | os.PathLike | None = None,
    split: str | None = None,
    skip_bad: bool = False,
) -> ClipFeatures:
    """Encode the clips of data files and folders, labelled or not.

    Args:
        checkpoint: See :meth:`SkeletonInferencer.from_checkpoint`; or an inferencer.
        data: Data files, folders with a file a clip, or files of clips.
        layout: The layout of clips that do not say theirs; by default that of the model's training
            clips.
        labels: The labels file of a folder; without one, its clips have no labels.
        split: The split of the data files; by default all clips.
        skip_bad: Leave out the bad files of a folder instead of refusing it.

    Returns:
        The features, on the CPU. Classes of the same name are one class.

    Raises:
        FileNotFoundError: if a file or folder is missing.
        ValueError: if the checkpoint or clips are not as expected.
    """
    inferencer = checkpoint
    if not isinstance(inferencer, SkeletonInferencer):
        inferencer = SkeletonInferencer.from_checkpoint(checkpoint)
    found = [
        open_clips(source, inferencer.layout, layout, labels, split, skip_bad) for source in data
    ]
    parts = [inferencer.encode(part.clips, part.layout, names_in_messages(part)) for part in found]
    classes = list(dict.fromkeys(name for part in found for name in part.classes))
    number = {name: i for i, name in enumerate(classes)} | {None: UNLABELLED}
    return ClipFeatures(
        {stream: torch.cat([part[stream] for part in parts]) for stream in parts[0]},
        torch.tensor([number[action] for part in found for action in part.actions]),
        [name for part in found for name in part.names],
        classes,
        [os.path.abspath(part.source) for part in found for _ in part.names],
        encoder_digest(inferencer.model),
    )


def gallery_of(
    inferencer: SkeletonInferencer,
    among: Sequence[str | os.PathLike],
    layout: Layout | None = None,
) -> ClipFeatures:
    """The clips to compare with: a file of features, or the clips of files and folders.

    Args:
        inferencer: Encodes the clips.
        among: One file that ``tools/extract_features.py`` or :meth:`SkeletonInferencer.save` wrote,
            or data as in :func:`encode_files`.
        layout: As in :func:`encode_files`.

    Raises:
        FileNotFoundError: if a file or folder is missing.
        ValueError: if the data are not as expected, or there are several files of features.
    """
    ready = [path for path in among if is_features_file(path)]
    if not ready:
        return encode_files(inferencer, among, layout)
    if len(among) > 1:
        raise ValueError(
            f'{Path(ready[0])} has features already; expected no other files beside it. Make one '
            'file of features of all data with tools/extract_features.py'
        )
    return read_features(ready[0])
