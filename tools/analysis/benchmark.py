"""The command line of halp_mm.commands.benchmark_speed."""

import sys

from halp_mm.commands.benchmark_speed import main

if __name__ == '__main__':
    sys.exit(main())
