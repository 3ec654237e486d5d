"""The command line of halp_mm.commands.make_synthetic."""

import sys

from halp_mm.commands.make_synthetic import main

if __name__ == '__main__':
    sys.exit(main())
