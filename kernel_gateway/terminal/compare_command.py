"""``tallybook compare``: what differs between two workbooks."""

from __future__ import annotations

import asyncio
import contextlib
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from notebooks.workbooks.compare.difference import Comparison

LAYER_NAMES = ("sheets", "values", "formulas", "formats", "objects", "parts")
DIFFERS, NOT_COMPARED = 1, 2
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("before", type=_FILE)
@click.argument("after", type=_FILE)
@click.option(
    "--tolerance", type=click.FloatRange(0, 1, max_open=True), default=1e-9, show_default=True,
    help="Relative tolerance of numbers; whole numbers are compared exactly.",
)  # fmt: skip
@click.option(
    "--layer", "layers", type=click.Choice(LAYER_NAMES), multiple=True,
    help="Compare this layer only; may be given several times.",
)  # fmt: skip
@click.option(
    "--most", type=click.IntRange(1, 2000), default=200, show_default=True,
    help="How many differences of each layer to list; all are counted.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON.")
@click.option(
    "--html", type=click.Path(dir_okay=False, path_type=Path), help="Write it as a web page."
)
def compare(
    before: Path,
    after: Path,
    tolerance: float,
    layers: tuple[str, ...],
    most: int,
    as_json: bool,  # noqa: FBT001 (click passes it by name)
    html: Path | None,
) -> None:
    """Show what differs between the workbooks BEFORE and AFTER, and why.

    Rows are matched by a key column or by their content, columns by their headers: a
    sort is no change, and an inserted row is one row. Exits with 0 when nothing
    differs, with 1 when something does, with 2 when they can't be compared.
    """
    from notebooks.workbooks.compare.difference import comparison_to_json

    found = asyncio.run(_compare(before, after, tolerance, layers or LAYER_NAMES, most))
    if html is not None:
        _write_page(found, html)
    if as_json:
        click.echo(json.dumps(comparison_to_json(found), indent=1))
    else:
        _print(found)
    if found.problem is not None:
        raise SystemExit(NOT_COMPARED)
    if not found.same:
        raise SystemExit(DIFFERS)


async def _compare(
    before: Path, after: Path, tolerance: float, layers: tuple[str, ...], most: int
) -> Comparison:
    from agent.checks.comparison import compare_contents
    from container.errors import ContainerError, SandboxUnavailable
    from container.host.host_users import enter_host_users

    with contextlib.suppress(SandboxUnavailable):  # starting the sandbox says why
        enter_host_users(Path(tempfile.gettempdir()))
    try:
        with before.open("rb") as one, after.open("rb") as other:
            return await compare_contents(
                (before.name, one), (after.name, other),
                tolerance=tolerance, layers=layers, most=most,
            )  # fmt: skip
    except ContainerError as error:
        raise _NotCompared(str(error)) from None
    except OSError as error:
        raise _NotCompared(f"{error.filename or before}: {error.strerror}.") from None


class _NotCompared(click.ClickException):
    exit_code = NOT_COMPARED


def _write_page(found: Comparison, file: Path) -> None:
    from notebooks.record.files import replace_atomically
    from notebooks.workbooks.compare.page import html_page

    try:
        replace_atomically(file, html_page(found).encode("utf-8", "replace"))
    except OSError as error:
        raise _NotCompared(f"{file} can't be written: {error.strerror}.") from None


def _print(found: Comparison) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from notebooks.rerun.tolerance import printable
    from notebooks.workbooks.compare.words import changed_to, headline, place_of, rest

    console = Console(highlight=False)
    if found.differences:
        table = Table("where", "what", "cause", "change", box=None, pad_edge=False)
        for each in found.differences:
            count = f" ({each.count:,})" if each.count > 1 else ""
            texts = (place_of(each), f"{each.what}{count}", each.cause, changed_to(each))
            table.add_row(*(Text(printable(text)) for text in texts))
        console.print(table)
    for line in [*rest(found), headline(found)]:
        console.print(Text(printable(line)), soft_wrap=True)
