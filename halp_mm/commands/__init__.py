"""What the command lines do: a module a command, for ``tools/`` and for ``halp-mm`` alike."""
