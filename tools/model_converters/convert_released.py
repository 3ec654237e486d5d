"""The command line of halp_mm.commands.convert_released."""

import sys

from halp_mm.commands.convert_released import main

if __name__ == '__main__':
    sys.exit(main())
