"""The command line of halp_mm.commands.find_similar."""

import sys

from halp_mm.commands.find_similar import main

if __name__ == '__main__':
    sys.exit(main())
