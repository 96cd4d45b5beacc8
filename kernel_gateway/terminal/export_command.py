"""``tallybook export``, and how other commands read a notebook inside a review bundle."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click

from container.host.host_users import enter_host_users

SUFFIXES = {"html": ".html", "pdf": ".pdf", "py": ".py", "ipynb": ".ipynb", "bundle": ".zip"}


@click.command()
@click.argument("notebook", type=click.Path(path_type=Path))
@click.option("--to", "kind", type=click.Choice(list(SUFFIXES)), default="html")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="File to write.")
def export(notebook: Path, kind: str, output: Path | None) -> None:
    """Write NOTEBOOK as a web page, a PDF, a script, a notebook, or a review bundle.

    The bundle is a zip with the notebook, its inputs and outputs, the page, and a lock
    file of its packages; `verify` and `rerun` take it as it is.
    """
    from container.errors import ContainerError
    from notebooks.errors import NotebookError

    target = output or notebook.with_suffix(SUFFIXES[kind])
    if target.resolve() == notebook.resolve():
        raise click.UsageError(f"{target} is the notebook itself; name another with --output.")
    try:
        missing = _write(notebook, kind, target)
    except (NotebookError, ContainerError) as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"{target} can't be written: {error.strerror}.") from None
    for name, why in missing.items():
        click.echo(f"not included: {name!r}: {why}")
    click.echo(str(target))


def _write(notebook: Path, kind: str, target: Path) -> dict[str, str]:
    """Write the export; return why files that a bundle should have are missing, by name."""
    from container.printer import print_pdf
    from notebooks.export.formats import EXPORTS, page_of
    from notebooks.record.files import replace_atomically

    if kind == "bundle":
        return write_bundle_file(notebook, target)
    if kind == "pdf":
        page = page_of(notebook, unfolded=True).encode("utf-8", "replace")
        take_host_users(Path(tempfile.gettempdir()))
        replace_atomically(target, asyncio.run(print_pdf(page)))
    else:
        replace_atomically(target, EXPORTS[kind](notebook))
    return {}


def write_bundle_file(notebook: Path, target: Path, *, title: str = "") -> dict[str, str]:
    """Write *notebook*'s review bundle to *target*, all or nothing; return what is missing.

    Args:
        notebook: The notebook; its files lie beside it.
        target: The zip.
        title: The notebook's name; by default, its file's.
    """
    from notebooks.export.bundle import write_bundle

    part = target.with_name(f".{target.name}.part")
    try:
        with part.open("w+b") as file:
            contents = write_bundle(notebook, file, title=title)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return contents.missing


def take_host_users(directory: Path) -> None:
    """Get host users for kernels with files in *directory*; on failure, the probe reports why."""
    from container.errors import SandboxUnavailable

    with contextlib.suppress(SandboxUnavailable):
        enter_host_users(directory)


def _is_zip(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            return opened.read(2) == b"PK"
    except OSError:
        return False  # the reader of a notebook says why


@contextlib.contextmanager
def notebook_of(file: Path) -> Iterator[tuple[Path, list[str]]]:
    """Yield a notebook file, and what is wrong with the bundle it comes from.

    Args:
        file: A notebook, or a review bundle with one; that is unpacked for as long.

    Raises:
        BundleUnreadable: It is a zip, but no bundle.
    """
    from notebooks.export.unpacked import unpacked

    if not _is_zip(file):
        yield file, []
        return
    with unpacked(file) as bundle:
        for name, why in bundle.missing.items():
            click.echo(f"not in the bundle: {name!r}: {why}", err=True)
        yield bundle.notebook, list(bundle.problems)
