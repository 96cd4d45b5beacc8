"""Exports a notebook as HTML, Python or a notebook file, without network access."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from notebooks.export.page import notebook_page
from notebooks.export.script import notebook_script
from notebooks.export.verdicts import verdicts_on
from notebooks.record.document import notebook_bytes
from notebooks.record.reading import read_copy
from notebooks.record.undone import withdraw_undone


def export_html(notebook_file: Path) -> bytes:
    """Render a self-contained page without scripts."""
    return page_of(notebook_file).encode("utf-8", "replace")


def page_of(notebook_file: Path, *, title: str = "", unfolded: bool = False) -> str:
    """Return the page of `export_html`.

    Args:
        notebook_file: The notebook.
        title: Its name; by default, its file's.
        unfolded: Show the code without a click, as for print.

    Raises:
        NotebookUnreadable: It is missing, or no notebook.
    """
    notebook = withdraw_undone(read_copy(notebook_file)[0])
    verdicts = verdicts_on(notebook_file, notebook_file.read_bytes())
    return notebook_page(notebook, title or notebook_file.stem, verdicts, unfolded=unfolded)


def export_py(notebook_file: Path) -> bytes:
    """Render the code that ran as one script, everything else as comments."""
    notebook = withdraw_undone(read_copy(notebook_file)[0])
    return notebook_script(notebook).encode()


def export_ipynb(notebook_file: Path) -> bytes:
    """Return the notebook as recorded; it still verifies.

    Cells without an id get one; recorded notebooks have none of these.
    """
    return notebook_bytes(read_copy(notebook_file)[0])


EXPORTS: dict[str, Callable[[Path], bytes]] = {
    "html": export_html,
    "py": export_py,
    "ipynb": export_ipynb,
}
