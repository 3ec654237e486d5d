"""The command line of halp_mm.commands.prepare_msr_action3d."""

import sys

from halp_mm.commands.prepare_msr_action3d import main

if __name__ == '__main__':
    sys.exit(main())
