"""Sphinx configuration. Build with: sphinx-build -W --keep-going -b html docs docs/_build/html."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

project = 'halp_mm'
author = 'the halp_mm authors'
project_copyright = author
release = re.search(r"'(.+)'", (ROOT / 'halp_mm' / 'version.py').read_text(encoding='utf-8'))[1]
version = release

extensions = ['myst_parser', 'sphinx.ext.autodoc', 'sphinx.ext.napoleon']
exclude_patterns = ['_build']
html_theme = 'furo'
html_title = f'halp_mm {release}'

myst_heading_anchors = 3

autodoc_member_order = 'bysource'
autodoc_typehints = 'signature'
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
