"""The command line of halp_mm.commands.convert_annotations."""

import sys

from halp_mm.commands.convert_annotations import main

if __name__ == '__main__':
    sys.exit(main())
