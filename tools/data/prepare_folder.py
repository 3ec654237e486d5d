"""The command line of halp_mm.commands.prepare_folder."""

import sys

from halp_mm.commands.prepare_folder import main

if __name__ == '__main__':
    sys.exit(main())
