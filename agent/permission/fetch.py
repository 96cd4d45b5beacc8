"""The model's own call of an address: asked for like a cell's, made by the same broker."""

from __future__ import annotations

import secrets

from agent.permission.network import BadTarget, Target, address_of, what_always_covers
from agent.permission.network_calls import NetworkCall, call_to_json, call_words
from agent.ports import Approver, CellNetwork, Fetched, PermissionRequest

GET = "GET"
NO_NETWORK = "The network can't be used here. Go on without it, or ask the user for the data."


class FetchRefused(Exception):
    """The address was not fetched; the message says why and goes to the model."""


async def fetch(url: str, network: CellNetwork | None, approver: Approver) -> Fetched:
    """Return what is at *url*, once the user has allowed it.

    Args:
        url: The whole URL.
        network: Makes the call; ``None`` where there is no network.
        approver: Asks the user, unless a standing permission covers it.

    Raises:
        FetchRefused: The URL can't be called, the user or the broker did not allow it, or the
            call failed.
    """
    if network is None:
        raise FetchRefused(NO_NETWORK)
    try:
        target = Target(GET, address_of(url))
    except BadTarget as error:
        raise FetchRefused(f"This can't be fetched: {error}.") from None
    granted: tuple[str, ...] = ()
    if await approver.granted([target.capability]) is None:
        decision = await approver.ask(
            _request(target, url, "The model wants to read an address itself.")
        )
        if not decision.allowed:
            why = "no reply came in time" if decision.decision == "timeout" else "the user said no"
            raise FetchRefused(f"{url} was not fetched: {why}. Go on without it.")
        granted = (target.capability,) if decision.decision == "once" else ()
    return await network.fetch(url, granted)


def question(target: Target, url: str, body_bytes: int) -> PermissionRequest:
    """Return the request of a running cell for an address that its code does not name.

    Args:
        target: What it asks for.
        url: The whole URL.
        body_bytes: Size of what would be sent along.
    """
    return _request(target, url, "The code that runs now wants to call an address.", body_bytes)


def redirected(target: Target, url: str, body_bytes: int) -> PermissionRequest:
    """Return the request for an address that an allowed one sends on to; see `question`."""
    who = "The address that the model reads sends it on to another one."
    return _request(target, url, who, body_bytes)


def _request(target: Target, url: str, who: str, body_bytes: int = 0) -> PermissionRequest:
    call = NetworkCall(
        line=1,
        method=target.method,
        target=target,
        url=url,
        body=body_bytes > 0,
        body_bytes=body_bytes or None,
    )
    return PermissionRequest(
        id=f"perm_{secrets.token_hex(8)}",
        capabilities=(target.capability,),
        explanation=f"{who} {call_words([call])}",
        imports=(),
        targets=(url,),
        preview=f"{target.method} {url}",
        findings=(),
        network=(call_to_json(call),),
        always=(what_always_covers(target.capability),),
    )
