"""The report's page as HTML and Markdown, from the templates beside this file.

Every value is escaped by jinja2's autoescape; Markdown's own characters by the filter ``markdown``.
"""

from __future__ import annotations

import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from halp_mm.reporting.page_content import PageContent

_TEMPLATES = Path(__file__).parent / 'templates'


def markdown_text(text: str) -> Markup:
    """A text in one line that Markdown shows as it is: no tags, links, tables or emphasis."""
    text = ' '.join(text.split()).replace('&', '&amp;').replace('<', '&lt;').replace('>', '&gt;')
    return Markup(re.sub(r'([\\`*_\[\]|~#!])', r'\\\1', text))


def html_page(content: PageContent) -> str:
    """Render one HTML file that needs nothing else: no network, no script."""
    return _environment().get_template('report.html.j2').render(content=content)


def markdown_page(content: PageContent) -> str:
    """Render Markdown with tables, as GitHub shows them, and without pictures."""
    return _environment().get_template('report.md.j2').render(content=content)


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters['markdown'] = markdown_text
    return environment
