"""``tallybook history``: checkpoints of a conversation's files, and undo, on a running service."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from kernel_gateway.terminal.file_commands import path_command, print_table

if TYPE_CHECKING:
    from kernel_gateway.terminal.files import PathFiles

YES = click.option("--yes", is_flag=True, help="Files that hold data may be removed.")


@click.group()
def history() -> None:
    """List what the files held before each change; put files back; undo requests.

    Talks to the running service that --url names, by default the one on this machine.
    """


@path_command(history, "list")
@click.option("--file", help="Only where a file with this in its name changed.")
@click.option("--turn", help="Only those made during this request.")
@click.option("--after", help="Only later ones (ISO 8601).")
@click.option("--before", help="Only earlier ones (ISO 8601).")
async def list_checkpoints(
    path: PathFiles, file: str | None, turn: str | None, after: str | None, before: str | None
) -> None:
    """List the checkpoints, the newest first."""
    from kernel_gateway.terminal import history as shown

    found = await shown.listed(path, file=file, turn=turn, after=after, before=before)
    print_table(shown.HEADS, [shown.row(entry) for entry in found])


@path_command(history, "show")
@click.argument("checkpoint")
async def show(path: PathFiles, checkpoint: str) -> None:
    """Show what CHECKPOINT holds, and what restoring it would do."""
    from kernel_gateway.terminal import history as shown

    for line in shown.detail_lines(await shown.detail(path, checkpoint)):
        click.echo(line)


@path_command(history, "restore")
@click.argument("checkpoint")
@click.argument("files", nargs=-1)
@YES
async def restore(path: PathFiles, checkpoint: str, files: tuple[str, ...], *, yes: bool) -> None:
    """Put FILES, or all files, back as CHECKPOINT has them; variables stay."""
    from kernel_gateway.terminal import history as shown

    click.echo((await shown.restore(path, checkpoint, files, confirm=yes))["answer"])


@path_command(history, "undo")
@click.option("--to", help="Back to the state after this request; `start`: before the first.")
@click.option("--turn", help="Undo this request alone, or undo an undo.")
@click.option("--file", "files", multiple=True, help="This file alone; variables stay.")
@YES
async def undo(
    path: PathFiles, to: str | None, turn: str | None, files: tuple[str, ...], *, yes: bool
) -> None:
    """Undo requests, files and variables together; by default the last one."""
    from kernel_gateway.terminal import history as shown

    reply = await shown.undo(path, confirm=yes, to=to, turn=turn, files=list(files))
    click.echo(reply["answer"])
    click.echo(f"To undo this: tallybook history undo --turn {reply['turn']}")


@path_command(history, "delete")
@click.argument("checkpoint")
async def delete(path: PathFiles, checkpoint: str) -> None:
    """Delete CHECKPOINT, and the contents that nothing else needs."""
    from kernel_gateway.terminal import history as shown

    gone = await shown.delete(path, checkpoint)
    click.echo(f"deleted; {gone['freed']:,} bytes became free")


@path_command(history, "clear")
@click.option("--yes", is_flag=True, help="Needed: earlier contents can't be had back.")
async def clear(path: PathFiles, *, yes: bool) -> None:
    """Delete all checkpoints of the path, and the contents that nothing else needs."""
    from kernel_gateway.terminal import history as shown

    if not yes:
        raise click.UsageError("Earlier contents could not be had back. Say --yes to delete them.")
    gone = await shown.delete(path, None)
    click.echo(f"{len(gone['deleted'])} deleted; {gone['freed']:,} bytes became free")
