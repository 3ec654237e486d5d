"""The command line of halp_mm.commands.publish_model."""

import sys

from halp_mm.commands.publish_model import main

if __name__ == '__main__':
    sys.exit(main())
