"""The command line of halp_mm.commands.train."""

import sys

from halp_mm.commands.train import main

if __name__ == '__main__':
    sys.exit(main())
