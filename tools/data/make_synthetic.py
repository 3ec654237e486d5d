"""Make the synthetic data set: clips of a kinematic model, nothing to download.

With --format ntu or pku, write the clips as raw files of NTU RGB+D or PKU-MMD II instead, to try
prepare_ntu.py and prepare_pku.py.
"""

import argparse

from halp_mm.datasets import ClipStorage
from halp_mm.synthetic import write_raw_ntu, write_raw_pku, write_synthetic

OUTPUTS = {
    'clips': 'data/synthetic.safetensors',
    'ntu': 'data/synthetic_ntu',
    'pku': 'data/synthetic_pku',
}


def parse_args() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--format', choices=OUTPUTS, default='clips')
    defaults = ', '.join(OUTPUTS.values())
    parser.add_argument('--out', help=f'the file or folder to make; by default {defaults}')
    parser.add_argument('--seed', type=int, default=0, help='the same seed makes the same file')
    parser.add_argument(
        '--repeats', type=int, default=1, help='performances per subject, action and camera'
    )
    args = parser.parse_args()
    args.out = args.out or OUTPUTS[args.format]
    return args


def main() -> None:
    """Write the files and say what is in them."""
    args = parse_args()
    try:
        if args.format == 'ntu':
            count = write_raw_ntu(args.out, args.seed, args.repeats)
            print(f'{count} .skeleton files in {args.out}')
        elif args.format == 'pku':
            count = write_raw_pku(args.out, args.seed, repeats=args.repeats)
            print(f'{count} videos in {args.out}')
        else:
            write_synthetic(args.out, args.seed, args.repeats)
            print_summary(args.out)
    except (OSError, ValueError) as error:
        raise SystemExit(f'error: {error}') from error


def print_summary(path: str) -> None:
    """Say what is in a data file."""
    storage = ClipStorage(path)
    frames = storage.block.num_frames
    print(f'clips    {len(storage)}')
    for name, members in sorted(storage.splits.items()):
        print(f'         {len(members)} in {name}')
    print(f'classes  {len(storage.class_names)}: {", ".join(storage.class_names)}')
    print(f'frames   {int(frames.min())} to {int(frames.max())} a clip')
    print(f'file     {storage.path}, {storage.path.stat().st_size / 1e6:.1f} MB')


if __name__ == '__main__':
    main()
