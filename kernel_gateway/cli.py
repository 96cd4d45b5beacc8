"""The command line: ``tallybook serve | chat | files | history | demo | verify | rerun | …``."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from container.inside import heap
from kernel_gateway import __version__
from kernel_gateway.errors import OwnershipLost
from kernel_gateway.recorded_demo import EXAMPLES
from kernel_gateway.settings import (
    Settings,
    SettingsInvalid,
    load_settings,
    read_sources,
    shown_settings,
)
from kernel_gateway.terminal.addin_commands import addin
from kernel_gateway.terminal.compare_command import compare
from kernel_gateway.terminal.export_command import export, take_host_users
from kernel_gateway.terminal.file_commands import files
from kernel_gateway.terminal.grants_commands import grants
from kernel_gateway.terminal.history_commands import history
from kernel_gateway.terminal.ledger_commands import keys, sign, verify
from kernel_gateway.terminal.modes import SETTABLE
from kernel_gateway.terminal.preferences_commands import preferences
from kernel_gateway.terminal.rerun_command import rerun
from kernel_gateway.terminal.service_import import import_service
from kernel_gateway.terminal.trace_command import trace

if TYPE_CHECKING:
    from rich.console import Console

    from kernel_gateway.cluster.membership import Membership
    from kernel_gateway.services import Services
    from kernel_gateway.terminal.service_import import OpenGateway

SWITCH_SECONDS = 0.0001
Command = TypeVar("Command", bound=Callable[..., Any])


def _console() -> Console:
    from rich.console import Console

    return Console(highlight=False)


def _settings(config: Path | None = None, **overrides: Any) -> Settings:
    try:
        return load_settings(overrides=overrides, file=config)
    except SettingsInvalid as error:
        raise click.ClickException(str(error)) from None


def _service_options(command: Command) -> Command:
    options = [
        click.option(
            "--config", type=click.Path(path_type=Path), help="Configuration file (TOML)."
        ),
        click.option("--data-dir", type=click.Path(path_type=Path), help="Where data is kept."),
        click.option("--model", help="Name of the language model."),
        click.option("--model-base-url", help="Address of the model's service."),
        click.option(
            "--model-protocol", type=click.Choice(["gemini", "openai"]), help="What it speaks."
        ),
    ]
    for option in options:
        command = option(command)
    return command


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tallybook")
def cli() -> None:
    """Ask for things in your Excel workbooks; keep an auditable notebook of how they were done."""


cli.add_command(addin)
cli.add_command(files)
cli.add_command(compare)
cli.add_command(history)
cli.add_command(grants)
cli.add_command(preferences)
cli.add_command(export)
cli.add_command(trace)
cli.add_command(keys)
cli.add_command(sign)
cli.add_command(verify)
cli.add_command(rerun)


@cli.command()
@click.option("--host", help="Address to listen on (127.0.0.1).")
@click.option("--port", type=int, help="Port to listen on (8765); 0 picks a free one.")
@click.option("--tls-cert", type=click.Path(path_type=Path), help="Certificate (PEM): speak https.")
@click.option("--tls-key", type=click.Path(path_type=Path), help="Its private key (PEM).")
@click.option("--node", help="Name among several gateways on one PostgreSQL database.")
@_service_options
def serve(**options: Any) -> None:
    """Run the service until Ctrl-C or SIGTERM."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    # httpx logs full URLs, and one level up is enough to see trouble.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    logging.getLogger("alembic.runtime.migration").setLevel(logging.WARNING)
    settings = _settings(**options)
    take_host_users(settings.data_dir)
    _run(_serve(settings, import_service()))


async def _serve(settings: Settings, open_gateway: OpenGateway) -> int:
    # By default a thread that writes to disk can block the event loop for 5 ms.
    sys.setswitchinterval(SWITCH_SECONDS)
    stop, at_once = asyncio.Event(), asyncio.Event()

    def on_signal() -> None:
        (at_once if stop.is_set() else stop).set()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, on_signal)
    async with open_gateway(settings) as gateway:
        click.echo(f"Sandbox: {gateway.services.host.summary()}")
        click.echo(f"Model:   {gateway.services.model_name or 'none (set GEMINI_API_KEY)'}")
        click.echo(f"Data:    {settings.data_dir}")
        click.echo(f"Open:    {gateway.login_url}")
        if gateway.model is not None:
            gateway.model.prepare()  # in the background, so that no turn waits for it
        asyncio.get_running_loop().run_in_executor(None, heap.collapse)
        await _until_stopped(stop, gateway.services.membership)
        await _drain(gateway.services, settings, at_once)
    return 0


async def _until_stopped(stop: asyncio.Event, membership: Membership | None) -> None:
    reasons = [asyncio.create_task(stop.wait())]
    if membership is not None:
        reasons.append(asyncio.create_task(membership.lost.wait()))
    await asyncio.wait(reasons, return_when=asyncio.FIRST_COMPLETED)
    if membership is not None and membership.lost.is_set():
        click.echo(f"Error: {OwnershipLost()} Start it again.", err=True)
        sys.stderr.flush()
        # Other nodes own the conversations now: an orderly shutdown would still write to them.
        os._exit(os.EX_TEMPFAIL)
    for task in reasons:
        task.cancel()


async def _drain(services: Services, settings: Settings, at_once: asyncio.Event) -> None:
    """Let running turns end; the next service resumes the rest, as after a crash."""
    click.echo("Stopping: running requests may end; once more Ctrl-C stops at once.")
    draining = asyncio.create_task(services.turns.drain(settings.drain_seconds))
    hurrying = asyncio.create_task(at_once.wait())
    await asyncio.wait({draining, hurrying}, return_when=asyncio.FIRST_COMPLETED)
    hurrying.cancel()
    if not draining.done():
        draining.cancel()
        return
    if (left := draining.result()) and settings.keep_kernels_seconds:
        click.echo(f"Handing {left} running requests over to the next service.")
        sys.stdout.flush()
        await services.events.stop_following()
        await services.channels.store_cursors()
        if services.membership is not None:
            await services.membership.rest()
            await services.membership.leave()
        # Skip the orderly shutdown: it would end the kernels, whose cells go on and are recorded.
        os._exit(0)


@cli.group()
def config() -> None:
    """See what is set."""


@config.command("show")
@_service_options
def config_show(**options: Any) -> None:
    """Show every setting, its value, and where that comes from; secrets are hidden."""
    file, flags = options.pop("config"), options
    settings = _settings(config=file, **flags)
    from rich.table import Table

    table = Table("setting", "value", "from", box=None, pad_edge=False)
    for row in shown_settings(settings, read_sources(overrides=flags, file=file)):
        table.add_row(*row)
    _console().print(table)


@cli.command()
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("-m", "--message", help="One request; without it, chat until you leave.")
@click.option("-c", "--conversation", help="Go on with this conversation.")
@click.option("--mode", type=click.Choice(SETTABLE), help="How it works; /mode can say more.")
@click.option("--url", help="A running service; without it, one is started for this chat.")
@click.option("--token", envvar="TALLYBOOK_TOKEN", help="Its access token.")
@_service_options
def chat(
    files: tuple[Path, ...],
    message: str | None,
    conversation: str | None,
    mode: str | None,
    url: str | None,
    token: str | None,
    **options: Any,
) -> None:
    """Chat about FILES in the terminal. Ctrl-C cancels the running request."""
    if url is not None and not token:
        raise click.UsageError("--url needs --token (or TALLYBOOK_TOKEN).")
    settings = _settings(**options)
    if url is None and not settings.has_model:
        raise click.ClickException(
            "No language model: set GEMINI_API_KEY, or name a running service with --url. "
            "`tallybook demo` works without a key."
        )
    if url is None:
        take_host_users(settings.data_dir)
    _run(_chat(settings, list(files), message, conversation, mode, url, token))


async def _chat(
    settings: Settings,
    files: list[Path],
    message: str | None,
    conversation: str | None,
    mode: str | None,
    url: str | None,
    token: str | None,
) -> int:
    from kernel_gateway.terminal.chat import run_chat
    from kernel_gateway.terminal.client import GatewayClient, ServiceRefused
    from kernel_gateway.wiring import open_gateway

    async def talk(address: str, key: str) -> int:
        client = GatewayClient(address, key)
        try:
            return await run_chat(
                client,
                _console(),
                files=files,
                message=message,
                conversation=conversation,
                mode=mode,
            )
        except (ServiceRefused, ConnectionError, OSError) as error:
            raise click.ClickException(str(error)) from None
        finally:
            client.close()

    if url is not None and token is not None:
        return await talk(url, token)
    async with open_gateway(_for_this_chat(settings)) as gateway:
        return await talk(gateway.url, gateway.services.token)


def _for_this_chat(settings: Settings) -> Settings:
    # Nobody else connects to it, so it needs no certificate, which might be for another name.
    return settings.model_copy(update={"port": 0, "tls_cert": None, "tls_key": None})


@cli.command()
@click.option(
    "--examples",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=EXAMPLES,
    required=EXAMPLES is None,
    help="Directory of the workbooks.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("demo-output"),
    help="Where the notebook and workbooks go.",
)
def demo(examples: Path, output: Path) -> None:
    """Stack three example workbooks, pivot them, verify and re-run the notebook."""
    take_host_users(Path(tempfile.gettempdir()))
    from kernel_gateway.terminal.demo import run_demo

    _run(run_demo(_settings(), _console(), examples, output))


@cli.command()
def doctor() -> None:
    """Say what works on this machine, and the reason for each "no"."""
    from agent.checks.formula_values import NO_OFFICE, office_installed
    from container.printer import installed as chromium_installed
    from container.probe import probe_host

    settings = _settings()
    take_host_users(settings.data_dir)
    report = probe_host(
        settings.backend,
        image=settings.image,
        runtime=settings.docker_runtime,
        data_directory=settings.data_dir if settings.data_dir.exists() else None,
    )
    problem = f"NO: {report.reason}. {report.way_out}"
    click.echo(f"sandbox: {f'yes, by {report.backend}' if report.sandbox else problem}")
    click.echo(f"limits held by: {report.limits}")
    click.echo(f"workspace size held by: {report.quota}")
    for warning in report.warnings:
        click.echo(f"note: {warning}")
    user = "a user of its own for each workspace" if report.own_users else "your own user"
    click.echo(f"kernels run as: {user}")
    office = "yes, by LibreOffice" if office_installed() else NO_OFFICE
    click.echo(f"formula values computed: {office}")
    pdf = "yes, by Chromium" if chromium_installed() else "no (apt-get install chromium)"
    click.echo(f"exports as PDF: {pdf}")
    click.echo(f"model: {_described_model(settings)}")
    if not report.sandbox:
        raise SystemExit(1)


def _described_model(settings: Settings) -> str:
    if not settings.has_model:
        return "none (set GEMINI_API_KEY, or TALLYBOOK_MODEL_PROTOCOL=openai; docs/operator.md)"
    if settings.model_protocol == "openai":
        key = "with a key" if settings.openai_api_key else "without a key"
        return f"{settings.model} at {settings.model_base_url} by OpenAI's protocol, {key}"
    return f"{settings.model} at {settings.model_base_url or 'Google'} by Gemini's protocol"


def _run(work: Any) -> None:
    """Run *work*; expected errors become one plain line."""
    from container.errors import ContainerError
    from kernel_gateway.errors import GatewayError

    try:
        code = asyncio.run(work)
    except (ContainerError, GatewayError, SettingsInvalid) as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        detail = error.strerror or str(error)
        name = f" ({os.fspath(error.filename)})" if error.filename else ""
        raise click.ClickException(f"{detail}{name}.") from None
    except KeyboardInterrupt:
        code = 130
    if code:
        raise SystemExit(code)
