"""The command line of halp_mm.commands.positive_purity."""

import sys

from halp_mm.commands.positive_purity import main

if __name__ == '__main__':
    sys.exit(main())
