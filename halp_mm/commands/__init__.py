"""The command lines of ``tools/`` and ``halp-mm``, one module for each command."""

import os

# At the end of each operator PyTorch's threads wait for each other, by default in a busy loop. If
# another program has one of the CPUs, that costs many times what the operator does; so they sleep.
# This takes effect before PyTorch is imported.
os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')
