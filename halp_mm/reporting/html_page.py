"""The page as one HTML file that needs nothing else: no network, no script."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import groupby

from halp_mm.reporting.page_content import (
    FILES,
    MEASURED,
    NOTES,
    PROBLEMS,
    PUBLISHED,
    PUBLISHED_NOTE,
    PageContent,
)
from halp_mm.reporting.pictures import Gallery, Picture
from halp_mm.reporting.tables import Table

# The policy keeps even a page that a bug made unsafe from loading or running anything.
_HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" \
content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>
{style}</style>
</head>
"""

_STYLE = """\
:root {
  color-scheme: light dark;
  --text: light-dark(#1c2024, #e6e8eb);
  --quiet: light-dark(#5b646d, #a3abb3);
  --line: light-dark(#d5dadf, #3b4248);
  --ground: light-dark(#ffffff, #16191c);
  --shade: light-dark(#f3f5f7, #21262a);
  --own: light-dark(#0b57a4, #8cc2ff);
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1rem; max-width: 76rem;
  color: var(--text); background: var(--ground);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere;
}
h1 { font-size: 1.7rem; line-height: 1.2; margin: .5rem 0; }
h2 {
  font-size: 1.3rem; margin: 2.5rem 0 .5rem; padding-top: .5rem; border-top: 2px solid var(--line);
}
h3 { font-size: 1.05rem; margin: 1.5rem 0 .5rem; }
a { color: var(--own); }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; padding: 0; list-style: none; }
nav a { display: inline-block; padding: .3rem 0; }
.box { overflow-x: auto; margin: 1rem 0 .25rem; border: 1px solid var(--line); border-radius: 6px; }
.box:focus-visible { outline: 2px solid var(--own); }
table { border-collapse: collapse; width: 100%; font-size: .875rem; }
caption { text-align: left; padding: .5rem .6rem; font-weight: 600; font-size: 1rem; }
caption span {
  display: inline-block; max-width: calc(100vw - 3.5rem); position: sticky; left: .6rem;
}
th, td {
  padding: .3rem .6rem; text-align: left; vertical-align: top; white-space: nowrap;
  overflow-wrap: normal; border-top: 1px solid var(--line); font-weight: normal;
}
td.figure, th.figure { text-align: right; font-variant-numeric: tabular-nums; }
thead th { color: var(--quiet); vertical-align: bottom; }
thead th[colspan] { text-align: center; }
th.own, td.own { color: var(--own); }
td.own { font-weight: 600; }
tbody th[scope=row] {
  font-weight: 600; position: sticky; left: 0; background: var(--ground);
}
tbody th[scope=rowgroup] { background: var(--shade); color: var(--quiet); font-style: italic; }
tbody th[scope=rowgroup] span { position: sticky; left: .6rem; }
.remark { margin: .25rem 0 1.5rem; color: var(--quiet); font-size: .875rem; }
.pictures {
  display: grid; gap: .75rem;
  grid-template-columns: repeat(auto-fit, minmax(min(19rem, 100%), 1fr));
}
figure { margin: 0 0 1.5rem; }
img {
  display: block; max-width: 100%; height: auto; background: #fff; border: 1px solid var(--line);
  border-radius: 6px;
}
figcaption { color: var(--quiet); font-size: .875rem; margin-top: .4rem; }
@media (max-width: 40rem) {
  tbody th[scope=row] { white-space: normal; min-width: 7rem; max-width: 9rem; }
  th, td { padding: .3rem .45rem; }
}
@media print {
  :root { color-scheme: light; }
  @page { size: A4 landscape; margin: 12mm; }
  body { padding: 0; max-width: none; font-size: 9.5pt; }
  nav { display: none; }
  .box { overflow: visible; border: 0; }
  table { font-size: 7.5pt; }
  caption span, tbody th { position: static; max-width: none; }
  th, td { padding: .15rem .3rem; white-space: normal; }
  td.figure { white-space: nowrap; }
  thead { display: table-header-group; }
  h2, h3, caption { break-after: avoid; }
  tr, figure { break-inside: avoid; }
  img { max-height: 160mm; width: auto; }
}
"""


def html_page(content: PageContent) -> str:
    """Write a page's content as HTML. All text of it is escaped."""
    parts = [
        (MEASURED, [_table(table) for table in content.measured]),
        (PUBLISHED, [_text(PUBLISHED_NOTE), *(_table(table) for table in content.published)]),
        *(
            (heading, [_gallery(gallery) for gallery in galleries])
            for heading, galleries in content.galleries.items()
        ),
        *(
            (heading, [_list(texts)] if texts else [])
            for heading, texts in ((NOTES, content.notes), (PROBLEMS, content.problems))
        ),
        (FILES, [_table(content.files)]),
    ]
    parts = [(heading, blocks) for heading, blocks in parts if blocks]
    links = ''.join(
        f'<li><a href="#part{place}">{escape(heading)}</a></li>\n'
        for place, (heading, _) in enumerate(parts)
    )
    sections = ''.join(
        f'<section aria-labelledby="part{place}">\n<h2 id="part{place}">{escape(heading)}</h2>\n'
        f'{"".join(blocks)}</section>\n'
        for place, (heading, blocks) in enumerate(parts)
    )
    return (
        f'{_HEAD.format(title=escape(content.title), style=_STYLE)}<body>\n<header>\n'
        f'<h1>{escape(content.title)}</h1>\n{_text(content.summary)}'
        f'<nav aria-label="Parts of this page">\n<ul>\n{links}</ul>\n</nav>\n</header>\n'
        f'<main>\n{sections}</main>\n</body>\n</html>\n'
    )


def _text(text: str) -> str:
    return f'<p>{escape(text)}</p>\n'


def _list(texts: Sequence[str]) -> str:
    items = ''.join(f'<li>{escape(text)}</li>\n' for text in texts)
    return f'<ul>\n{items}</ul>\n'


def _table(table: Table) -> str:
    """A table in a box of its own that scrolls, by keyboard as well, where the page is narrow."""
    rows = ''.join(_row(row, table) for row in table.rows)
    label = escape(table.caption)
    return (
        f'<div class="box" role="region" tabindex="0" aria-label="{label}">\n<table>\n'
        f'<caption><span>{label}</span></caption>\n<thead>\n{_header(table)}</thead>\n<tbody>\n{rows}</tbody>\n'
        f'</table>\n</div>\n'
        + (f'<p class="remark">{escape(table.note)}</p>\n' if table.note else '')
    )


def _header(table: Table) -> str:
    """One row of headings; two where neighbours share one."""
    shared = any(group for group, _ in table.columns)
    upper, lower = [], []
    place = 0
    for group, columns in groupby(table.columns, key=lambda column: column[0]):
        names = [name for _, name in columns]
        for name in names:
            heading = f'<th scope="col"{{rows}}{_kind(place, table)}>{escape(name)}</th>'
            if group:
                lower.append(heading.format(rows=''))
            else:
                upper.append(heading.format(rows=' rowspan="2"' if shared else ''))
            place += 1
        if group:
            upper.append(f'<th scope="colgroup" colspan="{len(names)}">{escape(group)}</th>')
    return ''.join(f'<tr>{"".join(cells)}</tr>\n' for cells in (upper, lower) if cells)


def _row(row: Sequence[str], table: Table) -> str:
    if len(row) == 1 < len(table.columns):
        width = len(table.columns)
        return (
            f'<tr><th scope="rowgroup" colspan="{width}"><span>{escape(row[0])}</span></th></tr>\n'
        )
    cells = ''.join(
        f'<td{_kind(place, table)}>{escape(cell)}</td>' for place, cell in enumerate(row) if place
    )
    return f'<tr><th scope="row">{escape(row[0])}</th>{cells}</tr>\n'


def _kind(place: int, table: Table) -> str:
    """The class of a column's cells."""
    if place < table.num_texts:
        return ''
    is_own = table.columns[place] == (table.columns[place][0], 'here')
    return ' class="figure own"' if is_own else ' class="figure"'


def _gallery(gallery: Gallery) -> str:
    pictures = ''.join(_picture(picture) for picture in gallery.pictures)
    text = f'<figcaption>{escape(gallery.text)}</figcaption>\n' if gallery.text else ''
    return (
        f'<h3>{escape(gallery.heading)}</h3>\n<figure>\n'
        f'<div class="pictures">\n{pictures}</div>\n{text}</figure>\n'
    )


def _picture(picture: Picture) -> str:
    return (
        f'<img src="{escape(picture.uri)}" alt="{escape(picture.alt)}" '
        f'width="{picture.width}" height="{picture.height}">\n'
    )
