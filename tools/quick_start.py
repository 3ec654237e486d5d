"""The command line of halp_mm.commands.quick_start."""

import sys

from halp_mm.commands.quick_start import main

if __name__ == '__main__':
    sys.exit(main())
