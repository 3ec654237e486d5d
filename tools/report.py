"""The command line of halp_mm.commands.report."""

import sys

from halp_mm.commands.report import main

if __name__ == '__main__':
    sys.exit(main())
