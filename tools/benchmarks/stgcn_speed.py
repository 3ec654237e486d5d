"""The ST-GCN encoder and a plain one with the same weights: the ratio of their times."""

import argparse
import statistics
import time

import torch
import torch.nn.functional as F
from mmengine.device import get_device
from torch import Tensor, nn

from halp_mm.models import STGCN
from halp_mm.models.encoders.stgcn import STGCNBlock
from halp_mm.skeletons import LAYOUTS


class PlainSTGCN(nn.Module):
    """The network as its paper has it: a sum over partitions, joints innermost in memory.

    Args:
        encoder: The encoder whose weights it shares.
    """

    def __init__(self, encoder: STGCN) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, clips: Tensor) -> Tensor:
        """Clips ``[N, M, T, V, C]`` to features ``[N, D]``."""
        joints, channels = clips.shape[3:]
        x = clips.permute(0, 1, 3, 4, 2).flatten(2, 3).flatten(0, 1)
        x = self.encoder.input_norm(x).unflatten(1, (joints, channels)).permute(0, 2, 3, 1)
        x = x.contiguous()
        for block in self.encoder.blocks:
            x = self.run_block(block, x)
        return x.mean((2, 3)).unflatten(0, clips.shape[:2]).mean(1)

    def run_block(self, block: STGCNBlock, x: Tensor) -> Tensor:
        """``[B, C, T, V]`` to ``[B, C', T', V]``."""
        convolution = block.graph_convolution
        edges = self.encoder.adjacency * convolution.edge_importance
        sent = convolution.partitions(x).chunk(len(edges), 1)
        received = [torch.einsum('bctv,vw->bctw', part, a) for part, a in zip(sent, edges)]
        y = F.relu(block.spatial_norm(sum(received)))
        y = block.temporal_norm(block.temporal_convolution(y))
        y = F.dropout(y, block.dropout.p, self.training)
        return F.relu(y if block.residual is None else y + block.residual(x))


def milliseconds(encoder: nn.Module, clips: Tensor, autocast: bool) -> float:
    """Time of a forward and a backward pass."""
    start = time.perf_counter()
    with torch.autocast(clips.device.type, torch.bfloat16, enabled=autocast):
        feature = encoder(clips)
    feature.float().sum().backward()
    if clips.is_cuda:
        torch.cuda.synchronize()
    return 1000 * (time.perf_counter() - start)


def main() -> None:
    """Check that both give the same, and print the ratio of their times."""
    parser = argparse.ArgumentParser(description='Speed of the ST-GCN')
    parser.add_argument('--layout', choices=LAYOUTS, default='kinect_v2')
    parser.add_argument('--base-channels', type=int, default=16)
    parser.add_argument('--batch-size', type=int, default=128)
    parser.add_argument('--people', type=int, default=1)
    parser.add_argument('--frames', type=int, default=50)
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--amp', action='store_true', help='autocast to bfloat16')
    args = parser.parse_args()
    device = get_device()
    encoder = STGCN(args.layout, base_channels=args.base_channels).to(device)
    plain = PlainSTGCN(encoder)
    joints = LAYOUTS[args.layout].num_joints
    clips = torch.randn(args.batch_size, args.people, args.frames, joints, 3, device=device)
    with torch.no_grad():
        encoder.eval(), plain.eval()
        torch.testing.assert_close(encoder(clips), plain(clips), rtol=1e-3, atol=1e-4)
    encoder.train(), plain.train()
    turns = [
        [milliseconds(network, clips, args.amp) for network in (plain, encoder)]
        for _ in range(args.rounds + 1)
    ]
    slow, fast = (statistics.median(times) for times in zip(*turns[1:]))  # after a warm-up
    print(
        f'{device}, {torch.get_num_threads()} threads, {args.layout}, clips {list(clips.shape)}, '
        f'{args.base_channels} channels, {"bfloat16" if args.amp else "float32"}'
    )
    print(f'plain {slow:.0f} ms, STGCN {fast:.0f} ms: {slow / fast:.2f}x')


if __name__ == '__main__':
    main()
