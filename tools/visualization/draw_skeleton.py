"""The command line of halp_mm.commands.draw_skeleton."""

import sys

from halp_mm.commands.draw_skeleton import main

if __name__ == '__main__':
    sys.exit(main())
