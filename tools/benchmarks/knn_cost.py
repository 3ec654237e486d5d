"""What exact kNN costs: time, and memory beyond the features, as with large data sets.

Features are random numbers. Their neighbours mean nothing, but take as long to find.
"""

import argparse
import resource
import time

import torch
from mmengine.device import get_device
from torch import Tensor

from halp_mm.evaluation import knn_scores


def random_features(count: int, dim: int) -> Tensor:
    """Features ``[N, D]``."""
    return torch.empty(count, dim, device=get_device()).normal_()


def peak_bytes() -> int:
    """The most memory that was taken so far: of the GPU, or else of this process."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
        return torch.cuda.max_memory_allocated()
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description='Time and memory of kNN evaluation')
    parser.add_argument('--num-train', type=int, default=40_000)
    parser.add_argument('--num-test', type=int, default=16_000)
    parser.add_argument('--dim', type=int, default=2048, help='size of a feature')
    parser.add_argument('--num-classes', type=int, default=60)
    parser.add_argument('--k', type=int, default=1)
    args = parser.parse_args()
    torch.manual_seed(0)
    train = random_features(args.num_train, args.dim)
    test = random_features(args.num_test, args.dim)
    labels = torch.randint(args.num_classes, (args.num_train,), device=get_device())
    before = peak_bytes()
    start = time.perf_counter()
    scores = knn_scores(train, labels, test, args.num_classes, args.k)
    taken = peak_bytes() - before
    seconds = time.perf_counter() - start
    assert len(scores) == args.num_test
    print(
        f'{args.num_train} x {args.num_test} features of {args.dim} dimensions, k = {args.k}, '
        f'{get_device()}, {torch.get_num_threads()} threads'
    )
    print(f'features            {4 * (train.numel() + test.numel()) / 2**20:.0f} MiB')
    print(f'kNN, beyond them    {taken / 2**20:.0f} MiB')
    print(f'time                {seconds:.1f} s')


if __name__ == '__main__':
    main()
