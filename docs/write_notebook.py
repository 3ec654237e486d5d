"""Write docs/notebook.ipynb, which is docs/notebook.md with its blocks of Python as cells.

Run this after a change of the page, whose blocks the tests run: ``python docs/write_notebook.py``.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

FOLDER = Path(__file__).parent
BLOCK = re.compile(r'^```python\n(.*?)^```\n', re.MULTILINE | re.DOTALL)


def notebook(page: str) -> dict:
    """The notebook of a page."""
    cells = []
    # Split at the code: the odd parts are what the group caught.
    for number, text in enumerate(BLOCK.split(page)):
        lines = text.strip('\n').splitlines(keepends=True)
        if not lines:
            continue
        name = hashlib.sha256(f'{number} {text}'.encode()).hexdigest()[:8]
        if number % 2:
            code = {'cell_type': 'code', 'execution_count': None, 'outputs': []}
        else:
            code = {'cell_type': 'markdown'}
        cells.append({**code, 'id': name, 'metadata': {}, 'source': lines})
    kernel = {'display_name': 'Python 3', 'language': 'python', 'name': 'python3'}
    return {
        'cells': cells,
        'metadata': {'kernelspec': kernel, 'language_info': {'name': 'python'}},
        'nbformat': 4,
        'nbformat_minor': 5,
    }


def notebook_text() -> str:
    """The file's content."""
    page = (FOLDER / 'notebook.md').read_text(encoding='utf-8')
    return json.dumps(notebook(page), indent=1, ensure_ascii=False) + '\n'


if __name__ == '__main__':
    (FOLDER / 'notebook.ipynb').write_text(notebook_text(), encoding='utf-8')
