"""The command line of halp_mm.commands.ablate."""

import sys

from halp_mm.commands.ablate import main

if __name__ == '__main__':
    sys.exit(main())
