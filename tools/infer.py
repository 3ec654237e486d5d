"""The command line of halp_mm.commands.infer."""

import sys

from halp_mm.commands.infer import main

if __name__ == '__main__':
    sys.exit(main())
