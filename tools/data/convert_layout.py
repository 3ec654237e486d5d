"""The command line of halp_mm.commands.convert_layout."""

import sys

from halp_mm.commands.convert_layout import main

if __name__ == '__main__':
    sys.exit(main())
