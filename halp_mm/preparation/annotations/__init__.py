"""Annotation pickles of MMAction2 and PYSKL."""
