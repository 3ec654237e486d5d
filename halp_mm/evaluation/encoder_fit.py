"""Whether encoders are built for the clips that they are given."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import torch
from mmengine.model import BaseModel
from torch.utils.data import Dataset

from halp_mm.datasets import pad_clips
from halp_mm.models import Encoder
from halp_mm.skeletons import Clips, SkeletonLayout


@torch.no_grad()
def check_encoders(model: BaseModel, dataset: Dataset | Sequence[dict]) -> None:
    """Compare the joints, people and channels of a model's encoders with those of the first clip.

    Args:
        model: A pre-trainer or a classifier. The clip is normalised as it does it.
        dataset: The clips.

    Raises:
        ValueError: says what differs, and what to set.
    """
    batch = pad_clips([dataset[0]])
    preprocessor = model.data_preprocessor
    clips = Clips(
        batch['clips'].to(preprocessor.device),
        batch['num_frames'].to(preprocessor.device),
        batch['layout'],
    )
    if not batch['normalized']:
        clips = preprocessor.normalization(clips)
    for encoder in model.encoders.values():
        check_layout(encoder.layout, clips.layout)
        check_shape(encoder, clips)


def check_layout(encoder: SkeletonLayout, clips: SkeletonLayout) -> None:
    """Raise a ValueError unless an encoder is built for joints as the clips have them.

    Args:
        encoder: The encoder's layout. Its bones may be others than the clips'.
        clips: The layout of the normalised clips.
    """
    if encoder.joints != clips.joints:
        first = next(
            (pair for pair in zip(encoder.joints, clips.joints) if pair[0] != pair[1]), None
        )
        raise ValueError(
            f'model.encoder.layout is {encoder.name!r} of {_count(encoder.joints)}, but the clips '
            f'have {clips.name!r} of {_count(clips.joints)}'
            + (f', the first that differs: {first[0]!r} and {first[1]!r}' if first else '')
            + '. Leave model.encoder.layout out, which is then that of the data, or convert the '
            "clips by dict(type='ConvertLayout', layout=...) in data_preprocessor.normalization"
        )


def check_shape(encoder: Encoder, clips: Clips) -> None:
    """Raise a ValueError unless an encoder takes as many people and channels as the clips have."""
    people, channels = clips.coordinates.shape[1], clips.coordinates.shape[-1]
    if encoder.num_people not in (None, people):
        raise ValueError(
            f'model.encoder.num_people is {encoder.num_people}, but the clips are of {people} '
            'people; set model.encoder.num_people, or num_people of train_dataloader.dataset and '
            'test_dataset, to agree'
        )
    if encoder.num_channels != channels:
        raise ValueError(
            f'model.encoder.num_channels is {encoder.num_channels}, but the clips have {channels} '
            f'numbers a joint; set model.encoder.num_channels={channels}'
        )


def _count(joints: Collection[str]) -> str:
    return f'{len(joints)} joints'
