"""Renders texts, code and outputs of cells as HTML, each escaped or sanitised once."""

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
from pygments.lexer import Lexer
from pygments.lexers import (
    BashLexer,
    JavascriptLexer,
    PythonLexer,
    TextLexer,
    TypeScriptLexer,
)

from notebooks.export.sanitised import PICTURES, picture_address, sanitised, shows_something
from notebooks.record.chain import facts_of

FORMATTER: HtmlFormatter[str] = HtmlFormatter(cssclass="highlight")


LEXERS: Mapping[str, type[Lexer]] = {
    "python": PythonLexer,
    "bash": BashLexer,
    "javascript": JavascriptLexer,
    "typescript": TypeScriptLexer,
}


def code_html(source: str, language: str = "python") -> str:
    """Return code with its syntax in colours; without them in a language not in `LEXERS`."""
    lexer = LEXERS.get(language, TextLexer)
    return str(highlight(source, lexer(stripnl=False), FORMATTER))


def outputs_html(cell: Any) -> str:
    """Return a cell's outputs, also those of one that did not run to its end."""
    return "\n".join(_output(output) for output in cell.get("outputs") or _kept_outputs(cell))


def _kept_outputs(cell: Any) -> Sequence[Mapping[str, Any]]:
    """Return the outputs that the record of a cell that did not run to its end keeps."""
    outputs = facts_of(cell).get("outputs")
    if not isinstance(outputs, list):
        return ()
    return [one for one in outputs if isvalid(one, ref="output", version=4, version_minor=5)]


def markdown_html(source: str, attachments: Mapping[str, Any] | None = None) -> str:
    """Return Markdown as sanitised HTML."""
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
        return markdown_html(_text(data["text/markdown"]))
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
