"""``tallybook preferences``: how one wants things done, as every request is sent it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from kernel_gateway.terminal.file_commands import service_command

if TYPE_CHECKING:
    from kernel_gateway.terminal.client import GatewayClient

PREFERENCES = "/api/v1/preferences"
NOTICED = "noticed in your requests"


@click.group()
def preferences() -> None:
    """List, state and delete what you prefer: formats, names, kinds of output.

    Talks to the running service that --url names, by default the one on this machine.
    """


@service_command(preferences, "list")
async def list_preferences(client: GatewayClient) -> None:
    """List what you stated, and what was noticed."""
    known = (await client.get(PREFERENCES))["preferences"]
    for each in known:
        _show(each)
    if not known:
        click.echo("There are no preferences.")


@service_command(preferences, "set")
@click.argument("words", metavar="WORDS")
@click.option("--id", "changed", metavar="ID", help="Change this one; it counts as stated then.")
async def set_preference(client: GatewayClient, words: str, changed: str | None) -> None:
    """State a preference, such as "Write dates as 31.12.2026"."""
    body = {"text": words}
    if changed is None:
        _show(await client.post(PREFERENCES, body))
    else:
        _show(await client.patch(f"{PREFERENCES}/{_escaped(changed)}", body))


@service_command(preferences, "delete")
@click.argument("ids", nargs=-1, metavar="ID...")
@click.option("--all", "every", is_flag=True, help="Delete all of them.")
async def delete(client: GatewayClient, ids: tuple[str, ...], *, every: bool) -> None:
    """Delete preferences; what was only noticed is not noticed again."""
    if bool(ids) == every:
        raise click.UsageError("Name the preferences to delete, or say --all.")
    known = (await client.get(PREFERENCES))["preferences"] if every else []
    for name in [*ids, *(each["id"] for each in known)]:
        await client.delete(f"{PREFERENCES}/{_escaped(name)}")
        click.echo(f"deleted {name}")


def _escaped(name: str) -> str:
    from urllib.parse import quote

    return quote(name, safe="")


def _show(preference: dict[str, Any]) -> None:
    from kernel_gateway.terminal.view import plain

    origin = "stated" if preference["origin"] == "stated" else NOTICED
    click.echo(plain(f"{preference['id']}  {preference['text']} ({origin})"))
