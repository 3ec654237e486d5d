"""The released BiGRU's two ways of computing: frame by frame, as released, and by sequence."""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from mmengine.device import get_device
from torch import Tensor, nn

from halp_mm.models import BiGRU


class FrameByFrame(nn.Module):
    """A bidirectional GRU fed one frame at a time, its hidden state carried on.

    Args:
        encoder: The encoder whose weights it shares.
    """

    def __init__(self, encoder: BiGRU) -> None:
        super().__init__()
        cells = encoder.forward_cells
        self.input_norm = encoder.input_norm
        self.gru = nn.GRU(
            *(cells[0].input_size, cells[0].hidden_size, len(cells)),
            batch_first=True,
            bidirectional=True,
        )
        for i, pair in enumerate(zip(cells, encoder.backward_cells)):
            for cell, suffix in zip(pair, ('', '_reverse')):
                for name in ('weight_ih', 'weight_hh', 'bias_ih', 'bias_hh'):
                    setattr(self.gru, f'{name}_l{i}{suffix}', getattr(cell, f'{name}_l0'))

    def forward(self, clips: Tensor) -> Tensor:
        """Clips ``[N, M, T, V, C]`` to features ``[N, D]`` of the last frame."""
        sequence = clips.permute(0, 2, 3, 4, 1).flatten(2)
        sequence = self.input_norm(sequence.mT).mT
        hidden = None
        for frame in sequence.split(1, dim=1):
            output, hidden = self.gru(frame, hidden)
        return output[:, 0]


def milliseconds(encode: Callable[[Tensor], Tensor], clips: Tensor) -> float:
    """Time of a forward and a backward pass."""
    start = time.perf_counter()
    encode(clips).sum().backward()
    if clips.is_cuda:
        torch.cuda.synchronize()
    return 1000 * (time.perf_counter() - start)


def main() -> None:
    """Check that both give the same, and print the ratio of their times."""
    parser = argparse.ArgumentParser(description='Speed of the BiGRU')
    parser.add_argument('--hidden-size', type=int, default=1024)
    parser.add_argument('--batch-size', type=int, default=64)
    parser.add_argument('--rounds', type=int, default=3)
    args = parser.parse_args()
    encoder = BiGRU(hidden_size=args.hidden_size).to(get_device())
    released = FrameByFrame(encoder).to(get_device())
    clips = torch.randn(args.batch_size, 2, 64, 25, 3, device=get_device())
    torch.testing.assert_close(encoder(clips), released(clips), rtol=1e-4, atol=1e-5)
    turns = [
        (milliseconds(released, clips), milliseconds(encoder, clips)) for _ in range(args.rounds)
    ]
    frame, sequence = (statistics.median(times) for times in zip(*turns))
    print(f'{get_device()}, {torch.get_num_threads()} threads, hidden size {args.hidden_size}')
    print(f'frame by frame {frame:.0f} ms, by sequence {sequence:.0f} ms: {frame / sequence:.2f}x')


if __name__ == '__main__':
    main()
