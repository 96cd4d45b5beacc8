"""``python -m docs.generate``: the tables made from code, and the README's picture."""

from __future__ import annotations

import os
import pty
import sys
import tempfile
from pathlib import Path

import click
from pydantic_core import PydanticUndefined
from rich.console import Console
from rich.text import Text

from kernel_gateway.app import ROUTES
from kernel_gateway.events.kinds import KINDS
from kernel_gateway.http.openapi import endpoints_table, make_document
from kernel_gateway.http.problems import STATUSES
from kernel_gateway.identity.auth import ROLES
from kernel_gateway.settings import PREFIX, Settings
from kernel_gateway.telemetry import Telemetry

DOCS = Path(__file__).resolve().parent
COLUMNS = 100
# rich's own template loads fonts from a CDN; this one is self-contained.
SVG = """<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: "DejaVu Sans Mono", Menlo, Consolas, monospace;
  font-size: {char_height}px; line-height: {line_height}px; font-variant-east-asian: full-width; }}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif; }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" /></clipPath>{lines}</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">{matrix}</g></g></svg>
"""


def settings_table() -> str:
    """Return the settings as a Markdown table."""
    rows = ["| setting | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = field.default
        if default is PydanticUndefined:
            shown = "the user's data directory"
        else:
            shown = "none" if default is None else f"`{default}`"
        rows.append(f"| `{PREFIX}{name.upper()}` | {shown} | {field.description} |")
    return "\n".join(rows)


def errors_table() -> str:
    """Return every error a client can get as a Markdown table."""
    rows = ["| code | status | meaning | hint |", "|---|---|---|---|"]
    for kind, status in sorted(STATUSES.items(), key=lambda item: (item[1], item[0].code)):
        meaning = (kind.__doc__ or "").strip().splitlines()[0]
        rows.append(f"| `{kind.code}` | {status} | {meaning} | {kind.hint} |")
    return "\n".join(rows)


def events_table() -> str:
    """Return every kind of event, with what it holds, as a Markdown table."""
    rows = ["| kind | meaning | data |", "|---|---|---|"]
    for kind, model in KINDS.items():
        fields = (
            f"`{name}`" + (f" ({field.description.rstrip('.')})" if field.description else "")
            for name, field in model.model_fields.items()
        )
        meaning = (model.__doc__ or "").strip().splitlines()[0]
        rows.append(f"| `{kind}` | {meaning} | {', '.join(fields)} |")
    return "\n".join(rows)


def replace_between(text: str, mark: str, content: str) -> str:
    """Put *content* between ``<!-- mark -->`` and ``<!-- /mark -->``."""
    start, end = f"<!-- {mark} -->", f"<!-- /{mark} -->"
    head, _, rest = text.partition(start)
    _, _, tail = rest.partition(end)
    return f"{head}{start}\n{content}\n{end}{tail}"


def roles_table() -> str:
    """Return what each role may do as a Markdown table."""
    scopes = ("read", "run", "rerun", "undo", "audit", "review", "admin")
    rows = ["| role | " + " | ".join(scopes) + " |", "|---" * (len(scopes) + 1) + "|"]
    for role, held in ROLES.items():
        rows.append(
            f"| `{role}` | " + " | ".join("yes" if s in held else "" for s in scopes) + " |"
        )
    return "\n".join(rows)


def metrics_table() -> str:
    """Return every Prometheus metric as a Markdown table."""
    telemetry = Telemetry()
    telemetry.watch("active_sandboxes", "Kernels alive.", lambda: 0)
    telemetry.watch("queue_depth", "Turns that run or wait.", lambda: 0)
    rows = ["| metric | kind | meaning |", "|---|---|---|"]
    for metric in sorted(telemetry.registry.collect(), key=lambda metric: metric.name):
        name = f"{metric.name}_total" if metric.type == "counter" else metric.name
        rows.append(f"| `{name}` | {metric.type} | {metric.documentation} |")
    return "\n".join(rows)


TABLES = {
    ("operator.md", "settings"): settings_table,
    ("operator.md", "metrics"): metrics_table,
    ("api.md", "errors"): errors_table,
    ("api.md", "events"): events_table,
    ("api.md", "roles"): roles_table,
    ("api.md", "endpoints"): lambda: endpoints_table(make_document(ROUTES)),
}


def write_tables() -> None:
    """Write every generated table into its page."""
    for (file, mark), make in TABLES.items():
        page = DOCS / file
        text = page.read_text(encoding="utf-8")
        page.write_text(replace_between(text, mark, make()), encoding="utf-8")


def record_demo() -> str:
    """Run the demo in a terminal of its own and return what it wrote."""
    written = bytearray()

    def read(descriptor: int) -> bytes:
        data = os.read(descriptor, 65536)
        written.extend(data)
        return data

    os.environ |= {"COLUMNS": str(COLUMNS), "TERM": "xterm-256color"}
    for name in ("NO_COLOR", "GEMINI_API_KEY"):
        os.environ.pop(name, None)
    with tempfile.TemporaryDirectory() as directory:
        output = str(Path(directory) / "demo-output")
        command = [sys.executable, "-m", "kernel_gateway", "demo", "--output", output]
        code = pty.spawn(command, read)
        text = written.decode("utf-8", "replace").replace(f"{directory}/", "")
    if code:
        raise SystemExit(f"the demo failed:\n{text}")
    return text


def write_picture() -> None:
    """Render a recording of the demo as docs/demo.svg."""
    with Path(os.devnull).open("w") as nowhere:
        console = Console(record=True, width=COLUMNS, file=nowhere, force_terminal=True)
        lines = [_last_frame(line) for line in record_demo().replace("\r\n", "\n").split("\n")]
        console.print(Text.from_ansi("\n".join(line for line in lines if line is not None)))
        svg = console.export_svg(title="make demo", code_format=SVG)
    (DOCS / "demo.svg").write_text(svg, encoding="utf-8")


def _last_frame(line: str) -> str | None:
    """Drop the spinner's frames from *line*; ``None`` when nothing else was on it."""
    frames = line.split("\r")
    text = frames[-1]
    for control in ("\x1b[?25l", "\x1b[?25h", "\x1b[2K", "\x1b[1A"):
        text = text.replace(control, "")
    spinner = Text.from_ansi(text).plain[:1] in tuple("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")
    return None if spinner or (len(frames) > 1 and not text.strip()) else text


@click.command()
@click.option("--tables", "only_tables", is_flag=True, help="Leave the picture as it is.")
def main(*, only_tables: bool) -> None:
    """Write the generated tables of docs/, and the README's picture by running the demo."""
    write_tables()
    if not only_tables:
        write_picture()


if __name__ == "__main__":
    main()
