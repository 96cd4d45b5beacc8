"""Renders a notebook as one web page that runs nothing and loads nothing.

Every text is escaped or sanitised once, when it is added to the page: each cell and each output
separately, so that none can close its enclosing element.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from notebooks.export.cells import cell_html
from notebooks.export.content import FORMATTER, markdown_html
from notebooks.export.evidence import RecordedCell, Request, code_of, files_of, requests_of, words
from notebooks.export.front import Verdict, front_html
from notebooks.export.style import STYLE
from notebooks.record.chain import KEY, mapping
from notebooks.record.document import Notebook

POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'"
)


def notebook_page(
    notebook: Notebook, title: str, verdicts: Sequence[Verdict] = (), *, unfolded: bool = False
) -> str:
    """Render *notebook* as a self-contained page: a front page, then each request.

    Args:
        notebook: A copy with its undone cells withdrawn.
        title: Its name.
        verdicts: Those on the whole notebook, for the front page.
        unfolded: Show the code without a click, as for print.
    """
    requests, code = requests_of(notebook), code_of(notebook)
    front = front_html(title, _about(notebook), verdicts, requests, code, files_of(notebook, code))
    by_number = {cell.number: cell for cell in code}
    parts = "\n".join(_request(request, by_number, unfolded=unfolded) for request in requests)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">
<meta name="viewport" content="width=device-width">
<title>{escape(title)}</title>
<style>{STYLE}{FORMATTER.get_style_defs(".highlight")}</style>
</head>
<body>
<main>
{front}
{parts}
</main>
</body>
</html>
"""


def _about(notebook: Notebook) -> str:
    facts = mapping(notebook.metadata.get(KEY))
    if not facts:
        return "This notebook was not recorded by Tallybook."
    source = mapping(facts.get("branched_from"))
    branch = f", branched from path {words(source.get('path'), 100)}" if source else ""
    return (
        f"Conversation {words(facts.get('conversation'), 100)}, path"
        f" {words(facts.get('path'), 100)}{branch}; {len(notebook.cells)} cells"
    )


def _request(request: Request, code: Mapping[int, RecordedCell], *, unfolded: bool) -> str:
    cells = "\n".join(
        cell_html(number, cell, code, unfolded=unfolded) for number, cell in request.members
    )
    if not request.number:
        return f'<section class="request">{cells}</section>'
    asked = f'<section class="cell text asked">{markdown_html(request.text)}</section>'
    who = " · ".join(text for text in (request.who, request.at) if text)
    return (
        f'<section class="request" id="request-{request.number}"><h2>Request {request.number}</h2>'
        f'<p class="small">{escape(who)}</p>{asked}\n{cells}</section>'
    )
