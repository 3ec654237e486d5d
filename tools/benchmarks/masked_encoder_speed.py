"""What MAMP's encoder costs when it sees a tenth of the tokens, against all of them."""

import argparse
import statistics
import time

import torch
from mmengine.device import get_device
from torch import Tensor

from halp_mm.models import SpatioTemporalTransformer


def milliseconds(
    encoder: SpatioTemporalTransformer, clips: Tensor, visible: Tensor | None
) -> float:
    """CPU time of a forward and a backward pass; on a GPU, the time that passes."""
    clock = time.perf_counter if clips.is_cuda else time.process_time
    start = clock()
    encoder.forward_map(clips, visible).square().mean().backward()
    if clips.is_cuda:
        torch.cuda.synchronize()
    return 1000 * (clock() - start)


def main() -> None:
    """Print the medians of both, measured in turns, and their ratio."""
    parser = argparse.ArgumentParser(description="Speed of MAMP's masked encoder")
    parser.add_argument('--embed-dim', type=int, default=256)
    parser.add_argument('--depth', type=int, default=8)
    parser.add_argument('--num-frames', type=int, default=120)
    parser.add_argument('--batch-size', type=int, default=2)
    parser.add_argument('--rounds', type=int, default=11)
    args = parser.parse_args()
    encoder = SpatioTemporalTransformer(
        num_frames=args.num_frames, embed_dim=args.embed_dim, depth=args.depth
    ).to(get_device())
    clips = torch.randn(args.batch_size, 1, args.num_frames, 25, 3, device=get_device())
    num_tokens = args.num_frames // encoder.cell_frames * 25
    order = torch.rand(args.batch_size, 1, num_tokens, device=get_device()).argsort(-1)
    visible = order[..., : int(num_tokens * (1 - 0.9))]
    milliseconds(encoder, clips, visible)  # warms up
    turns = [
        (milliseconds(encoder, clips, None), milliseconds(encoder, clips, visible))
        for _ in range(args.rounds)
    ]
    full, masked = (statistics.median(times) for times in zip(*turns))
    print(f'{get_device()}, {torch.get_num_threads()} threads, {args.batch_size} people')
    print(f'{num_tokens} tokens {full:.0f} ms, {visible.shape[2]} tokens {masked:.0f} ms: ', end='')
    print(f'{full / masked:.1f}x')


if __name__ == '__main__':
    main()
