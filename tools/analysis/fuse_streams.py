"""The command line of halp_mm.commands.fuse_streams."""

import sys

from halp_mm.commands.fuse_streams import main

if __name__ == '__main__':
    sys.exit(main())
