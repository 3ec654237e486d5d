"""The command line of halp_mm.commands.export."""

import sys

from halp_mm.commands.export import main

if __name__ == '__main__':
    sys.exit(main())
