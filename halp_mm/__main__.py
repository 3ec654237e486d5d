"""``python -m halp_mm COMMAND ...``, the same as ``halp-mm COMMAND ...``."""

import sys

from halp_mm.commands.main import main

if __name__ == '__main__':
    sys.exit(main())
