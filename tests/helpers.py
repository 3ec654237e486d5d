"""What tests of several packages share: reference vectors, random batches, a tiny model."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from halp_mm.compiled_c import compiled
from halp_mm.skeletons import Clips, get_layout

DATA = Path(__file__).parent / 'data'
DTYPES = [torch.float32, torch.float64]


def reference(name: str) -> dict[str, Tensor]:
    """The arrays of a reference file, in their own precision."""
    with np.load(DATA / f'{name}.npz') as arrays:
        return {key: torch.from_numpy(np.array(arrays[key])) for key in arrays.files}


def with_prefix(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Those whose name begins with a prefix, by the rest of their name."""
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }


def needs_compiled(package: str, name: str) -> None:
    """Skip the test unless a C file of the package can be compiled here."""
    if compiled(package, name) is None:
        pytest.skip('there is no C compiler')


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def random_clips(
    lengths=(7, 1, 4),
    layout='kinect_v2',
    channels: int = 3,
    dtype: torch.dtype = torch.float32,
    people: int = 2,
    seed: int = 0,
) -> Clips:
    """Random clips; of every clip but the first, the last person is absent."""
    layout = get_layout(layout)
    num_frames = torch.tensor(lengths)
    shape = (len(lengths), people, max(lengths), layout.num_joints, channels)
    coordinates = torch.randn(shape, generator=generator(seed), dtype=dtype)
    for clip, frames in zip(coordinates, lengths):
        clip[:, frames:] = 0
    if people > 1:
        coordinates[1:, -1] = 0
    return Clips(coordinates, num_frames, layout)


def clip_of(clips: Clips, i: int) -> Clips:
    """A batch of one clip, without padding."""
    frames = int(clips.num_frames[i])
    return Clips(
        clips.coordinates[i : i + 1, :, :frames], clips.num_frames[i : i + 1], clips.layout
    )


def unit_vectors(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return F.normalize(torch.randn(shape, generator=generator(seed), dtype=dtype), dim=-1)


def assert_relative(actual: Tensor, expected: Tensor, tolerance: float) -> None:
    """Compare in float64, relative to the largest entry of what is expected."""
    assert actual.shape == expected.shape
    error = (actual.double() - expected.double()).abs().max()
    assert error <= tolerance * expected.double().abs().max(), float(error)


def outputs_of(
    query: Tensor, key: Tensor, negatives: Tensor | None = None, queue=None, stream: str = 'joint'
):
    """What a stream's networks have made of a batch: one query view, one key view and its queue."""
    from halp_mm.models import StreamOutputs

    return StreamOutputs(
        stream,
        queries={'query': query},
        keys={'key': key},
        queues={} if queue is None else {'key': queue},
        negatives={'key': queue.snapshot() if negatives is None else negatives},
    )


def tiny_model(**kwargs):
    """A pre-trainer of random clips (see conftest) with a very small encoder."""
    from halp_mm.registry import MODELS

    view = [dict(type='TemporalCropResize', min_frames=4, num_frames=8), dict(type='Shear')]
    config = dict(
        type='Pretrainer',
        encoder=dict(type='BiGRU', hidden_size=4, num_layers=1),
        projector=dict(type='Projector', out_dim=6),
        heads=dict(moco=dict(type='MoCoHead')),
        queue_size=16,
        momentum=0.9,
        data_preprocessor=dict(
            type='SkeletonPreprocessor',
            normalization=[dict(type='PreNormalize3D')],
            views=dict(query=view, key=view),
            evaluation_view=[dict(type='CenterCropResize', num_frames=8)],
            streams=kwargs.get('streams', ['joint']),
        ),
    )
    return MODELS.build({**config, **kwargs})


def tiny_classifier(**kwargs):
    """A classifier of random clips (see conftest) with a very small ST-GCN; seed 0."""
    from halp_mm.registry import MODELS

    config = dict(
        type='SkeletonClassifier',
        encoder=dict(type='STGCN', base_channels=16, stages=(1, 1), feature_dim=6, dropout=0.0),
        num_classes=3,
        data_preprocessor=dict(
            type='SkeletonPreprocessor',
            normalization=[dict(type='RelativeNormalize3D', num_frames=8)],
            views=dict(clip=[]),
        ),
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return MODELS.build({**config, **kwargs})
