"""What ST-GCN and AGCN share: the norm of the input, and the segments of a feature."""

import pytest
import torch

from halp_mm.models import AGCN, STGCN


@pytest.mark.parametrize('kind', [STGCN, AGCN])
def test_the_norm_of_an_axis_is_that_of_all_joints(kind):
    torch.manual_seed(0)
    encoder = kind(
        'kinect_v1', base_channels=4, stages=(1,), feature_dim=8, input_norm='axis'
    ).double()
    scales = torch.tensor([1.0, 5.0, 0.1])
    clips = (torch.randn(5, 2, 6, 20, 3) * scales + 3).double()
    normalized = encoder.normalize_input(clips)
    for axis in range(3):
        values = clips[..., axis]
        expected = (values - values.mean()) / (values.var(unbiased=False) + 1e-5).sqrt()
        torch.testing.assert_close(normalized[..., axis], expected)
    assert encoder.input_norm.num_features == 3


@pytest.mark.parametrize('kind', [STGCN, AGCN])
@pytest.mark.parametrize('frames', [12, 7, 2])
def test_segments_of_time_have_their_own_means(kind, frames):
    torch.manual_seed(0)
    settings = dict(base_channels=4, stages=(1,), feature_dim=8)
    encoder = kind('kinect_v1', num_segments=3, **settings).eval()
    feature_map = torch.randn(2, 2, 8, frames, 20)
    assert (encoder.feature_dim, encoder.map_dim) == (24, 8)
    found = encoder.readout(feature_map)
    for segment in range(3):
        first, last = segment * frames // 3, -(-(segment + 1) * frames // 3)
        expected = torch.stack(
            [feature_map[:, person, :, first:last].mean((2, 3)) for person in range(2)]
        ).mean(0)
        torch.testing.assert_close(found[:, segment * 8 : segment * 8 + 8], expected)
    whole = kind('kinect_v1', **settings).readout(feature_map)
    torch.testing.assert_close(whole, feature_map.mean((1, 3, 4)))


@pytest.mark.parametrize('kind', [STGCN, AGCN])
def test_an_unknown_norm_of_the_input_is_refused(kind):
    with pytest.raises(ValueError, match='input_norm'):
        kind('kinect_v1', input_norm='joint')
