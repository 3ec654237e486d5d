"""The decoder of maps, against a loop over the positions of a map."""

import numpy as np
import pytest
import torch

from halp_mm.models.modules.map_decoder import MapDecoder
from halp_mm.registry import MODELS
from tests.helpers import generator
from tests.test_models.test_encoders import ENCODERS, config_of, random_stream


def decoded_slowly(decoder: MapDecoder, encoder, feature_map: torch.Tensor, num_frames: int):
    """Position by position, then coordinate by coordinate over time."""
    if not encoder.keeps_joints:
        feature_map = feature_map.mean(4, keepdim=True)
    clips, map_people, _, map_frames, map_joints = feature_map.shape
    people = 1 if encoder.keeps_people else 2
    joints = 1 if encoder.keeps_joints else 20
    result = np.zeros((clips, 2, map_frames, 20, 3))
    for n, m, t, v in np.ndindex(clips, map_people, map_frames, map_joints):
        place = decoder.layers[0](feature_map[n, m, :, t, v])
        place = decoder.layers[2](torch.nn.functional.gelu(place)).view(people, joints, 3)
        for p, j in np.ndindex(people, joints):
            result[n, m * people + p, t, v * joints + j] = place[p, j].detach()
    times = (np.arange(num_frames) + 0.5) * map_frames / num_frames - 0.5
    resized = np.zeros((clips, 2, num_frames, 20, 3))
    for n, m, v, c in np.ndindex(clips, 2, 20, 3):
        resized[n, m, :, v, c] = np.interp(times, np.arange(map_frames), result[n, m, :, v, c])
    return torch.from_numpy(resized)


@pytest.mark.parametrize('name', ENCODERS)
def test_equals_a_loop(name):
    encoder = MODELS.build(config_of(name))
    decoder = MapDecoder(encoder).double()
    assert decoder.layers[0].out_features == encoder.feature_dim
    shape = encoder.eval().forward_map(random_stream()).shape
    feature_map = torch.randn(shape, generator=generator(1), dtype=torch.float64)
    decoded = decoder(feature_map, torch.zeros(3, 2, 19, 20, dtype=torch.bool))
    expected = decoded_slowly(decoder, encoder, feature_map, 19)
    torch.testing.assert_close(decoded, expected, rtol=0, atol=1e-12)
