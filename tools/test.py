"""The command line of halp_mm.commands.test."""

import sys

from halp_mm.commands.test import main

if __name__ == '__main__':
    sys.exit(main())
