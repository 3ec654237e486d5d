"""The command line of halp_mm.commands.plot_tsne."""

import sys

from halp_mm.commands.plot_tsne import main

if __name__ == '__main__':
    sys.exit(main())
