"""``tallybook rerun``: one notebook again, or one notebook on many sets of files."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kernel_gateway.terminal.export_command import notebook_of, take_host_users

if TYPE_CHECKING:
    from kernel_gateway.terminal.rerun_each import Batch
    from notebooks.rerun.each_report import SetResult
    from notebooks.rerun.run import RerunReport

DIRECTORY = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.argument("notebook", type=click.Path(path_type=Path))
@click.option(
    "-p", "--parameter", "parameters", nargs=2, multiple=True, metavar="NAME VALUE",
    help="Replace a parameter of any request; VALUE is read as the recorded type.",
)  # fmt: skip
@click.option(
    "--inputs", type=DIRECTORY,
    help="Directory of the input files; by default, those beside the notebook.",
)  # fmt: skip
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Where the re-run's notebook goes."
)
@click.option(
    "--twice", is_flag=True,
    help="Run it twice: what differs between both runs (times, random numbers) does not count.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON, and nothing else.")
@click.option(
    "--html", "page", type=click.Path(dir_okay=False, path_type=Path),
    help="Also write the report as a web page.",
)  # fmt: skip
@click.option(
    "--each", "sets", type=DIRECTORY,
    help="Run it on each set of files: every directory in this one is a set.",
)  # fmt: skip
@click.option(
    "--to", type=click.Path(file_okay=False, path_type=Path),
    help="With --each: where the results go; by default, NOTEBOOK.each beside the notebook.",
)  # fmt: skip
@click.option(
    "--input", "named", nargs=2, multiple=True, metavar="NAME PATTERN",
    help="With --each: the file of each set that stands for the recorded input NAME, "
    "such as sales.xlsx 'sales_*.xlsx'.",
)  # fmt: skip
@click.option(
    "--jobs", type=click.IntRange(min=1),
    help="With --each: how many sets run at the same time; by default, one for each processor.",
)  # fmt: skip
def rerun(
    notebook: Path,
    parameters: tuple[tuple[str, str], ...],
    inputs: Path | None,
    output: Path | None,
    twice: bool,  # noqa: FBT001 (click passes options by name)
    as_json: bool,  # noqa: FBT001
    page: Path | None,
    sets: Path | None,
    to: Path | None,
    named: tuple[tuple[str, str], ...],
    jobs: int | None,
) -> None:
    """Run NOTEBOOK, or that of a review bundle, again in a fresh sandbox, and compare by value.

    Exits with 0 when everything was reproduced, or nothing failed and inputs or
    parameters were replaced; with 3 when nothing was found to differ, but a recorded
    file was missing and could not be compared; else with 1.

    With --each it runs on many sets of files, such as one for each month, and keeps what each
    produces. Run the same command again to go on after Ctrl-C: sets that are done are skipped.
    It exits with 0 when every set went well, else with 1.
    """
    take_host_users(Path(tempfile.gettempdir()))
    from container.errors import ContainerError
    from kernel_gateway.terminal.rerun_each import Batch
    from notebooks.errors import NotebookError

    if sets is None and (to or named or jobs):
        raise click.UsageError("--to, --input and --jobs need --each.")
    if sets is not None and (inputs or output or page or as_json):
        raise click.UsageError(
            "--inputs, -o, --html and --json are for one re-run; with --each use --to."
        )
    try:
        with notebook_of(notebook) as (file, wrong):
            for line in wrong:
                click.echo(f"bundle: {line}", err=as_json)
            if sets is None:
                if file != notebook:  # a bundle: what it unpacks to goes away
                    output = output or notebook.with_suffix(".rerun.ipynb")
                report = _once(file, dict(parameters), inputs, output, twice=twice)
                _say(notebook, report, page, as_json=as_json)
                return
            to = to or notebook.with_suffix(".each")
            batch = Batch(
                notebook=file,
                sets=sets,
                to=to,
                parameters=dict(parameters),
                named=dict(named),
                twice=twice,
            )
            _each(batch, jobs)
    except (NotebookError, ContainerError) as error:
        raise click.ClickException(str(error)) from None


def _once(
    notebook: Path,
    parameters: Mapping[str, str],
    inputs: Path | None,
    output: Path | None,
    *,
    twice: bool,
) -> RerunReport:
    from rich.console import Console

    from kernel_gateway.terminal.rerun import rerun_file

    with Console(stderr=True).status("Running the notebook again …"):
        return rerun_file(notebook, parameters=parameters, inputs=inputs, saved=output, twice=twice)


def _say(notebook: Path, report: RerunReport, page: Path | None, *, as_json: bool) -> None:
    """Print the report, write it as a page, and exit with its code."""
    from notebooks.record.files import replace_atomically
    from notebooks.rerun.report import exit_code, report_html, report_to_json

    facts = report_to_json(report)
    if page is not None:
        try:
            replace_atomically(page, report_html(notebook.name, facts).encode("utf-8", "replace"))
        except OSError as error:
            raise click.ClickException(f"{page} can't be written: {error.strerror}.") from None
    if as_json:
        click.echo(json.dumps({**facts, "notebook": str(report.notebook)}, indent=1))
    else:
        _print(report)
    if code := exit_code(report):
        raise SystemExit(code)


def _print(report: RerunReport) -> None:
    for number in report.repaired_cells:
        click.echo(f"cell {number}: had no id of its own; the copy that was run has one")
    for name in report.replaced_inputs:
        click.echo(f"inputs/{name}: is not the recorded file (its sha256 differs)")
    for item in report.items:
        click.echo(f"{item.label}: {item.verdict} {item.detail}".rstrip())
    click.echo(f"notebook: {report.notebook}")
    expected = " (inputs or parameters were replaced)" if report.changed else ""
    click.echo(f"verdict: {report.verdict}{expected}")


def _each(batch: Batch, jobs: int | None) -> None:
    from rich.progress import Progress

    from kernel_gateway.terminal.rerun_each import run_each, sets_of, usable_cores

    count, well = len(sets_of(batch)), 0
    try:
        with (
            Progress(transient=True) as progress,
            contextlib.closing(run_each(batch, jobs or usable_cores())) as results,
        ):
            bar = progress.add_task(f"Running {count} sets", total=count)
            for result in results:
                well += result.fine
                progress.console.print(_line(result), markup=False, soft_wrap=True)
                progress.advance(bar)
    except KeyboardInterrupt:
        ended = 0  # there is no report yet if none had begun
        with contextlib.suppress(OSError, ValueError):
            ended = len(json.loads((batch.to / "report.json").read_bytes()))
        left = f"Stopped: {ended} of {count} sets are done. Run the same command again to go on."
        raise click.ClickException(left) from None
    click.echo(f"report: {batch.to / 'report.html'}")
    click.echo(f"{well} of {count} sets went well")
    if well < count:
        raise SystemExit(1)


def _line(result: SetResult) -> str:
    from notebooks.rerun.tolerance import printable

    earlier = " (done before)" if result.skipped else f" in {result.seconds:.1f} s"
    reason = f": {result.reason}" if result.reason else ""
    made = f", {len(result.produced)} files" if result.fine else ""
    return printable(f"{result.name}: {result.verdict}{earlier}{made}{reason}")
