"""``tallybook grants``: one's standing permissions on a running service."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from kernel_gateway.terminal.file_commands import service_command

if TYPE_CHECKING:
    from kernel_gateway.terminal.client import GatewayClient

GRANTS = "/api/v1/grants"


@click.group()
def grants() -> None:
    """List and revoke the permissions that you gave for longer than one run.

    Talks to the running service that --url names, by default the one on this machine.
    """


async def lines(client: GatewayClient) -> list[str]:
    """Return a line for each standing permission."""
    held = (await client.get(GRANTS))["grants"]
    return [
        f"{each['id']}  {each['covers']}; given {each['created_at'][:19]}, "
        f"until {each['expires_at'] or 'it is revoked'}"
        for each in held
    ] or ["There are no standing permissions."]


async def revoke_all(client: GatewayClient, ids: Sequence[str]) -> list[str]:
    """Revoke the permissions with these *ids*, all if there are none; return the revoked ones."""
    chosen = list(ids) or [each["id"] for each in (await client.get(GRANTS))["grants"]]
    for name in chosen:
        await client.delete(f"{GRANTS}/{name}")
    return chosen


@service_command(grants, "list")
async def list_grants(client: GatewayClient) -> None:
    """List what you allowed, and until when."""
    from kernel_gateway.terminal.view import plain

    for line in await lines(client):
        click.echo(plain(line))


@service_command(grants, "revoke")
@click.argument("ids", nargs=-1, metavar="ID...")
@click.option("--all", "every", is_flag=True, help="Revoke all of them.")
async def revoke(client: GatewayClient, ids: tuple[str, ...], *, every: bool) -> None:
    """Revoke permissions; a running cell loses them at once."""
    if bool(ids) == every:
        raise click.UsageError("Name the permissions to revoke, or say --all.")
    for name in await revoke_all(client, ids):
        click.echo(f"revoked {name}")
