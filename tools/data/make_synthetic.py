"""Make the synthetic data set: clips of a kinematic model, nothing to download."""

import argparse

from halp_mm.datasets import ClipStorage, write_synthetic


def parse_args() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--out', default='data/synthetic.safetensors', help='the data file to make')
    parser.add_argument('--seed', type=int, default=0, help='the same seed makes the same file')
    parser.add_argument(
        '--repeats', type=int, default=1, help='performances per subject, action and camera'
    )
    return parser.parse_args()


def main() -> None:
    """Write the file and say what is in it."""
    args = parse_args()
    try:
        write_synthetic(args.out, args.seed, args.repeats)
    except ValueError as error:
        raise SystemExit(f'error: {error}') from error
    storage = ClipStorage(args.out)
    frames = storage.block.num_frames
    print(f'clips    {len(storage)}')
    for name, members in sorted(storage.splits.items()):
        print(f'         {len(members)} in {name}')
    print(f'classes  {len(storage.class_names)}: {", ".join(storage.class_names)}')
    print(f'frames   {int(frames.min())} to {int(frames.max())} a clip')
    print(f'file     {storage.path}, {storage.path.stat().st_size / 1e6:.1f} MB')


if __name__ == '__main__':
    main()
