"""A comparison as a web page of its own: no script, nothing loaded, every text escaped."""

from __future__ import annotations

import html

from .difference import LAYERS, Comparison, Difference
from .words import headline, place_of, rest

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem;
  color: #1c2430; background: #fff; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; text-transform: capitalize; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem;
  border-bottom: 1px solid #dfe3ea; overflow-wrap: anywhere; }
th { font-weight: 600; background: #f4f6f9; }
del, ins { text-decoration: none; } del { background: #fde4e1; } ins { background: #dff3e3; }
.note { color: #5a6472; }
@media (prefers-color-scheme: dark) {
  body { background: #14181f; color: #e6e9ee; } th { background: #1d232d; }
  th, td { border-color: #2c3441; } del { background: #5b2320; } ins { background: #1d4a2a; }
  .note { color: #9aa5b4; } }
"""


def html_page(found: Comparison) -> str:
    """Return the page."""
    title = f"{found.before} and {found.after}"
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width">',
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">",
        f"<title>{_text(title)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{_text(title)}</h1><p>{_text(headline(found))}</p>",
    ]
    for layer in LAYERS:
        listed = [each for each in found.differences if each.layer == layer]
        if listed:
            parts += _table(layer, listed)
    parts += [f'<p class="note">{_text(line)}</p>' for line in rest(found)]
    if found.problem is None:
        parts += _matched(found)
    parts.append("</body></html>")
    return "\n".join(parts)


def _text(text: str) -> str:
    return html.escape(text)


def _table(layer: str, listed: list[Difference]) -> list[str]:
    heads = "".join(f"<th>{name}</th>" for name in ("where", "what", "cause", "before", "after"))
    rows = [f"<h2>{layer}</h2><table><thead><tr>{heads}</tr></thead><tbody>"]
    for each in listed:
        where = _text(place_of(each))
        if each.label:
            where += f'<br><span class="note">{_text(each.label)}</span>'
        count = f" ({each.count:,})" if each.count > 1 else ""
        before = "" if each.before is None else f"<del>{_text(each.before)}</del>"
        after = "" if each.after is None else f"<ins>{_text(each.after)}</ins>"
        cells = (where, _text(f"{each.what}{count}"), _text(each.cause), before, after)
        rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    rows.append("</tbody></table>")
    return rows


def _matched(found: Comparison) -> list[str]:
    said = [
        f"{sheet.name}: {sheet.rows:,} rows matched by {sheet.by}" for sheet in found.sheets[:50]
    ]
    tolerance = f"Numbers are equal within a relative tolerance of {found.tolerance:g}."
    return [f'<p class="note">{_text(line)}</p>' for line in (tolerance, *said)]
