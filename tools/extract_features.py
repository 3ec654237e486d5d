"""The command line of halp_mm.commands.extract_features."""

import sys

from halp_mm.commands.extract_features import main

if __name__ == '__main__':
    sys.exit(main())
