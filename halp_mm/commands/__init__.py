"""The command lines of ``tools/`` and ``halp-mm``, one module for each command."""
