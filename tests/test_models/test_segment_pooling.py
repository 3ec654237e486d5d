import pytest
import torch
import torch.nn.functional as F

from halp_mm.models.modules.segment_pooling import segment_maxima, segment_means


@pytest.mark.parametrize('num_segments', [1, 3, 5])
@pytest.mark.parametrize('frames', [1, 2, 5, 12, 64])
def test_segments_are_those_of_adaptive_pooling(frames, num_segments):
    sequence = torch.randn(2, 4, frames)
    means = F.adaptive_avg_pool1d(sequence, num_segments)
    torch.testing.assert_close(segment_means(sequence, num_segments), means.mT.flatten(1))
    maxima = F.adaptive_max_pool1d(sequence, num_segments)
    assert torch.equal(segment_maxima(sequence, num_segments), maxima.mT.flatten(1))
