"""The command line of halp_mm.commands.make_config."""

import sys

from halp_mm.commands.make_config import main

if __name__ == '__main__':
    sys.exit(main())
