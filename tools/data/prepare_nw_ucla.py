"""The command line of halp_mm.commands.prepare_nw_ucla."""

import sys

from halp_mm.commands.prepare_nw_ucla import main

if __name__ == '__main__':
    sys.exit(main())
