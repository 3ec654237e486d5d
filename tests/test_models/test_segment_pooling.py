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


@pytest.mark.parametrize('frames', [5, 12])
def test_gradients_of_segments_are_those_of_adaptive_pooling(frames):
    """Where three segments share frames and where they do not."""
    sequence = torch.randn(2, 4, frames).requires_grad_()
    for pooling, adaptive in (
        (segment_means, F.adaptive_avg_pool1d),
        (segment_maxima, F.adaptive_max_pool1d),
    ):
        expected = adaptive(sequence, 3).mT.flatten(1)
        found = pooling(sequence, 3)
        torch.testing.assert_close(found, expected)
        weights = torch.randn_like(found)
        gradients = [torch.autograd.grad(one, sequence, weights) for one in (found, expected)]
        torch.testing.assert_close(*gradients)
