"""The command line of halp_mm.commands.benchmark."""

import sys

from halp_mm.commands.benchmark import main

if __name__ == '__main__':
    sys.exit(main())
