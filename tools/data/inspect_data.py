"""The command line of halp_mm.commands.inspect_data."""

import sys

from halp_mm.commands.inspect_data import main

if __name__ == '__main__':
    sys.exit(main())
