"""HTML, Python and plain notebook renderings, none of which needs a network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from nbconvert import HTMLExporter, PythonExporter

from notebooks.document import notebook_bytes, read_notebook


def export_html(notebook_file: Path) -> bytes:
    """Render a self-contained page; scripts that outputs might carry are taken out."""
    exporter = HTMLExporter(template_name="lab", sanitize_html=True)
    for name in (
        "mathjax_url",
        "require_js_url",
        "mermaid_js_url",
        "jquery_url",
        "html_manager_url",
    ):
        setattr(exporter, name, "")
    body, _ = exporter.from_notebook_node(read_notebook(notebook_file))
    return str(body).encode()


def export_py(notebook_file: Path) -> bytes:
    """Render the code cells as one script, text cells as comments."""
    body, _ = PythonExporter().from_notebook_node(read_notebook(notebook_file))
    return str(body).encode()


def export_ipynb(notebook_file: Path) -> bytes:
    """Return the notebook as recorded; it still verifies."""
    return notebook_bytes(read_notebook(notebook_file))


EXPORTS: dict[str, Callable[[Path], bytes]] = {
    "html": export_html,
    "py": export_py,
    "ipynb": export_ipynb,
}
