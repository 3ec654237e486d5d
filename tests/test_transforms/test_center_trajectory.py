"""The normalisation of GL-Transformer, against its release."""

import pytest
import torch

from halp_mm.registry import TRANSFORMS
from halp_mm.skeletons import Clips, get_layout
from tests.helpers import assert_relative, random_clips, reference


def test_equals_the_release():
    arrays = reference('gltransformer_preprocess_released')
    coordinates = arrays['input_NCTVM'].permute(0, 4, 2, 3, 1)
    expected = arrays['output_NCTVM'].permute(0, 4, 2, 3, 1)
    is_padding = expected == arrays['pad_value'].float()
    num_frames = (~is_padding[:, 0, :, 0, 0]).sum(1)
    clips = Clips(coordinates, num_frames, get_layout('kinect_v2'))
    made = TRANSFORMS.build(dict(type='CenterTrajectory'))(clips).coordinates
    assert_relative(made, expected.masked_fill(is_padding, 0), 1e-5)


def test_path_and_body():
    clips = random_clips((5, 4), dtype=torch.float64)
    made = TRANSFORMS.build(dict(type='CenterTrajectory'))(clips).coordinates
    center = clips.layout.index(clips.layout.center)
    for before, after in ((clips.coordinates[0, 0], made[0, 0]),):
        path = before[:, center] - before[0, center]
        torch.testing.assert_close(after[:, center].norm(dim=-1), path.norm(dim=-1))
        body = (before - before[:, center : center + 1]).norm(dim=-1)
        body[:, center] = path.norm(dim=-1)
        torch.testing.assert_close(after.norm(dim=-1), body)
    assert not made[1, 1].any()
    assert not made[1, :, 4:].any()


def test_other_layouts_are_refused():
    with pytest.raises(ValueError, match='CenterTrajectory needs a layout of 3 dimensions'):
        TRANSFORMS.build(dict(type='CenterTrajectory'))(random_clips((4,), layout='coco17'))
