"""The command line of halp_mm.commands.merge_data."""

import sys

from halp_mm.commands.merge_data import main

if __name__ == '__main__':
    sys.exit(main())
