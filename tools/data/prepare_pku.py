"""The command line of halp_mm.commands.prepare_pku."""

import sys

from halp_mm.commands.prepare_pku import main

if __name__ == '__main__':
    sys.exit(main())
