"""``tallybook files``: a conversation's files and their versions on a running service."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kernel_gateway.settings import TOKEN_FILE, Settings, SettingsInvalid, load_settings

if TYPE_CHECKING:
    from kernel_gateway.terminal.client import GatewayClient
    from kernel_gateway.terminal.files import PathFiles

SHOWN_DIGITS = 12
Command = Callable[..., Awaitable[None]]


@click.group()
def files() -> None:
    """List a conversation's files and their versions; get or put back any of them.

    Talks to the running service that --url names, by default the one on this machine.
    """


def service_options(command: Any) -> Any:
    """Give *command* the options that name the service."""
    url = click.option("--url", help="Address of the service; by default as the settings have it.")
    token = click.option(
        "--token", envvar="TALLYBOOK_TOKEN", help="Access token; by default this machine's."
    )
    return url(token(command))


def path_command(group: click.Group, name: str) -> Callable[[Command], click.Command]:
    """Make a command of *group* of a coroutine function that takes a path's files first."""
    options = [
        click.option("-c", "--conversation", help="Its id; by default the newest conversation."),
        click.option("--path", default="main", show_default=True, help="Path of the conversation."),
    ]

    def make(work: Command) -> click.Command:
        @functools.wraps(work)
        def run(
            conversation: str | None, path: str, url: str | None, token: str | None, **rest: Any
        ) -> None:
            work_on = functools.partial(work, **rest)
            asyncio.run(_with_files(work_on, url, token, conversation, path))

        command: Any = service_options(run)
        for option in reversed(options):
            command = option(command)
        made: click.Command = group.command(name)(command)
        return made

    return make


def service_command(group: click.Group, name: str) -> Callable[[Command], click.Command]:
    """Return what makes a command of *group* of a coroutine function that takes a client first."""

    def make(work: Command) -> click.Command:
        @functools.wraps(work)
        def run(url: str | None, token: str | None, **rest: Any) -> None:
            asyncio.run(with_service(functools.partial(work, **rest), url, token))

        made: click.Command = group.command(name)(service_options(run))
        return made

    return make


def _settings() -> Settings:
    try:
        return load_settings()
    except SettingsInvalid as error:
        raise click.ClickException(str(error)) from None


def _token(settings: Settings) -> str:
    """Return the token of the service on this machine."""
    file = settings.data_dir / TOKEN_FILE
    try:
        token = settings.token or file.read_text(encoding="ascii").strip()
    except OSError as error:
        raise click.UsageError(
            f"There is no access token: {file} can't be read ({error.strerror}). Name one with "
            "--token or TALLYBOOK_TOKEN."
        ) from None
    return token


async def _with_files(
    work: Callable[[PathFiles], Awaitable[None]],
    url: str | None,
    token: str | None,
    conversation: str | None,
    path: str,
) -> None:
    from kernel_gateway.terminal.files import open_files

    async def on_files(client: GatewayClient) -> None:
        await work(await open_files(client, conversation, path))

    await with_service(on_files, url, token)


async def with_service(
    work: Callable[[GatewayClient], Awaitable[None]], url: str | None, token: str | None
) -> None:
    """Do *work* with a client of the service at *url*, by default the one on this machine."""
    from kernel_gateway.terminal.client import GatewayClient, ServiceRefused
    from kernel_gateway.terminal.files import FileProblem

    settings = _settings()
    url = url or f"http://{settings.host}:{settings.port}"
    client = GatewayClient(url, token or _token(settings))
    try:
        await work(client)
    except (ServiceRefused, FileProblem) as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"{url}: {error.strerror or error}.") from None
    finally:
        client.close()


def print_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print *rows* under *heads*."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(*heads, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*map(escape, row))
    Console(highlight=False, soft_wrap=True).print(table)


@path_command(files, "list")
async def list_files(path: PathFiles) -> None:
    """List the files."""
    listed = await path.listed()
    print_table(("file", "bytes"), [(file["name"], f"{file['size']:,}") for file in listed])


@path_command(files, "put")
@click.argument(
    "sources",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE...",
)
async def put(path: PathFiles, sources: tuple[Path, ...]) -> None:
    """Upload FILEs; one whose name is taken becomes its newest version."""
    for name in await path.put(sources):
        click.echo(name)


@path_command(files, "versions")
@click.argument("name")
async def versions(path: PathFiles, name: str) -> None:
    """List the versions of NAME (as `files list` shows it), the oldest first."""
    rows = []
    for version in await path.versions(name):
        by = version["user"] or (f"cell {version['cell']}" if version["cell"] else "")
        state = "current" if version["current"] else "" if version["kept"] else "not kept"
        shown = (version["sha256"] or "too large")[:SHOWN_DIGITS]
        rows.append((shown, f"{version['size']:,}", version["at"] or "", by, state))
    print_table(("version", "bytes", "since", "by", ""), rows)


@path_command(files, "get")
@click.argument("name")
@click.option("--version", help="First digits of a version; by default the current one.")
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Where it goes."
)
async def get(path: PathFiles, name: str, version: str | None, output: Path | None) -> None:
    """Download NAME."""
    target = output or Path(name.rpartition("/")[2])
    if output is None and target.exists():
        raise click.UsageError(f"{target} is there already; name another with --output.")
    target.write_bytes(await path.content(name, version))
    click.echo(str(target))


@path_command(files, "put-back")
@click.argument("name")
@click.option("--version", required=True, help="First digits of the version.")
async def put_back(path: PathFiles, name: str, version: str) -> None:
    """Make an earlier version of upload NAME the current one; no version is lost."""
    click.echo(f"{name} is {(await path.put_back(name, version))[:SHOWN_DIGITS]} now")
