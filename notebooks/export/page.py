"""Renders a notebook as one web page that runs nothing and loads nothing.

Every text is escaped or sanitised once, when it is added to the page: each cell and each output
separately, so that none can close its enclosing element.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from nbconvert.filters import ansi2html
from nbconvert.filters.markdown_mistune import InvalidNotebook, IPythonRenderer, MarkdownWithMath
from nbformat.validator import isvalid
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from notebooks.export.outcomes import ending_of
from notebooks.export.sanitised import PICTURES, picture_address, sanitised, shows_something
from notebooks.record.chain import facts_of, mapping
from notebooks.record.document import Notebook

POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'"
)
STYLE = """
body { margin: 2em auto; max-width: 64em; padding: 0 1em; color: #1f2328;
  font: 15px/1.5 system-ui, sans-serif; }
.cell { margin: 1em 0; }
.prompt { color: #656d76; font: 12px ui-monospace, monospace; }
pre { margin: 0; overflow-x: auto; font: 13px/1.45 ui-monospace, monospace; }
.code .highlight { background: #f6f8fa; border: 1px solid #d1d9e0; border-radius: 4px;
  padding: .5em .75em; }
.output { padding: .4em .75em; overflow-x: auto; contain: content; }
.output.stderr, .output.error { background: #fff1f0; }
.refused .highlight { border-color: #cf222e; opacity: .75; }
.outcome { color: #cf222e; margin: 0 0 .3em; font-weight: 600; }
.tied, .suspicious { padding: .3em .75em; font-size: 13px; color: #1a7f37; }
.suspicious { color: #7d4e00; background: #fff8e5; }
table { border-collapse: collapse; font-size: 13px; }
th, td { padding: .25em .6em; border-bottom: 1px solid #d1d9e0; text-align: right; }
thead th { border-bottom: 2px solid #818b98; }
img { max-width: 100%; }
.ansi-red-fg, .ansi-red-intense-fg { color: #b3261e; } .ansi-green-fg { color: #1a7f37; }
.ansi-blue-fg, .ansi-cyan-fg { color: #0550ae; } .ansi-yellow-fg { color: #7d4e00; }
.ansi-bold { font-weight: 600; }
"""


def notebook_page(notebook: Notebook, title: str) -> str:
    """Render *notebook* as a self-contained page with the title *title*."""
    formatter = HtmlFormatter(cssclass="highlight")
    cells = "\n".join(_cell(cell, formatter) for cell in notebook.cells)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">
<meta name="viewport" content="width=device-width">
<title>{escape(title)}</title>
<style>{STYLE}{formatter.get_style_defs(".highlight")}</style>
</head>
<body>
<main>
{cells}
</main>
</body>
</html>
"""


def _cell(cell: Any, formatter: HtmlFormatter[str]) -> str:
    source = str(cell.source)
    if cell.cell_type == "markdown":
        text = _markdown(source, cell.get("attachments"))
        return f'<section class="cell text">{text}</section>'
    ending = ending_of(cell)
    if cell.cell_type == "raw" and not ending.outcome:
        return f'<section class="cell text"><pre>{escape(source)}</pre></section>'
    code = highlight(source, PythonLexer(stripnl=False), formatter)
    outputs = cell.get("outputs") or _kept_outputs(cell)
    shown = "\n".join(_output(output) for output in outputs)
    if cell.cell_type == "code" and ending.is_live:
        prompt = f'<div class="prompt">In [{escape(str(cell.execution_count or " "))}]:</div>'
        return f'<section class="cell code">{prompt}{code}{shown}{_tied_out(cell)}</section>'
    said = f'<p class="outcome">{escape(f"This cell {ending.sentence}")}</p>'
    return f'<section class="cell code refused">{said}{code}{shown}</section>'


def _tied_out(cell: Any) -> str:
    """Return how what the cell wrote ties out with what was read, as its record says."""
    shown = []
    for result in _mappings(mapping(facts_of(cell).get("tie_out")).get("results")):
        status = "suspicious" if result.get("status") == "suspicious" else "tied"
        findings = (
            f"<li>{escape(str(each.get('message', '')))}</li>"
            for each in _mappings(result.get("findings"))
        )
        listed = "".join(findings)
        line = escape(f"Tie-out: {result.get('line', '')}")
        shown.append(f'<div class="{status}">{line}{listed and f"<ul>{listed}</ul>"}</div>')
    return "".join(shown)


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    """Return the mappings in a list of a notebook's metadata, which is untrusted."""
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def _kept_outputs(cell: Any) -> Sequence[Mapping[str, Any]]:
    """Return the outputs that the record of a cell that did not run to its end keeps."""
    outputs = facts_of(cell).get("outputs")
    if not isinstance(outputs, list):
        return ()
    return [one for one in outputs if isvalid(one, ref="output", version=4, version_minor=5)]


def _markdown(source: str, attachments: Mapping[str, Any] | None = None) -> str:
    renderer = IPythonRenderer(
        escape=False, exclude_anchor_links=True, attachments=dict(attachments or {})
    )
    try:
        return sanitised(MarkdownWithMath(renderer=renderer).render(source))
    except (InvalidNotebook, ValueError, RecursionError):
        return f"<pre>{escape(source)}</pre>"


def _output(output: Mapping[str, Any]) -> str:
    kind = str(output["output_type"])
    if kind == "stream":
        kind = "stderr" if output["name"] == "stderr" else "stdout"
        content = _preformatted(_text(output["text"]))
    elif kind == "error":
        said = f"{output['ename']}: {output['evalue']}"
        content = _preformatted("\n".join(map(str, output["traceback"])) or said)
    else:
        kind, content = "data", _data(output["data"])
    return f'<div class="output {kind}">{content}</div>'


def _data(data: Mapping[str, Any]) -> str:
    """Return the richest form of an output that can be shown safely."""
    if "text/html" in data:
        try:
            html = sanitised(_text(data["text/html"]))
        except ValueError:
            html = ""
        if shows_something(html):
            return html
    if "text/markdown" in data:
        return _markdown(_text(data["text/markdown"]))
    for kind in PICTURES:
        if kind in data and (address := picture_address(kind, _text(data[kind]))):
            return f'<img alt="" src="{escape(address)}">'
    for kind in ("text/plain", "text/latex"):
        if kind in data:
            return _preformatted(_text(data[kind]))
    texts = [json.dumps(data[kind], indent=1) for kind in sorted(data) if kind.endswith("json")]
    kinds = ", ".join(sorted(data)) or "nothing"
    return _preformatted(texts[0] if texts else f"[an output that can't be shown here: {kinds}]")


def _preformatted(text: str) -> str:
    return f"<pre>{ansi2html(text)}</pre>"


def _text(value: Any) -> str:
    return "".join(map(str, value)) if isinstance(value, list) else str(value)
