"""The command line of halp_mm.commands.prepare_utd_mhad."""

import sys

from halp_mm.commands.prepare_utd_mhad import main

if __name__ == '__main__':
    sys.exit(main())
