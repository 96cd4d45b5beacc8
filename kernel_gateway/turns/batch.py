"""Several related requests sent at once: put in order, queued together, all or none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kernel_gateway.errors import BadRequest
from kernel_gateway.ids import PathKey
from kernel_gateway.store.tables import TurnRow
from kernel_gateway.turns.queue import Turns


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """One request of a batch.

    Attributes:
        id: Its name within the batch.
        text: The user's words.
        after: Names of the requests that have to end well before it begins.
    """

    id: str
    text: str
    after: tuple[str, ...] = ()


def in_order(requests: Sequence[BatchRequest]) -> list[BatchRequest]:
    """Return *requests* so that each stands behind those it comes after, else as they came.

    Raises:
        BadRequest: Two have one name, one comes after a name that there is not, or some wait for
            each other.
    """
    names = [request.id for request in requests]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise BadRequest(f"Two requests have the id {twice[0]!r}; give each its own.")
    for request in requests:
        if unknown := [name for name in request.after if name not in names]:
            known = ", ".join(repr(name) for name in names)
            raise BadRequest(
                f"Request {request.id!r} comes after {unknown[0]!r}, which is none of {known}."
            )
    ordered: list[BatchRequest] = []
    left = list(requests)
    while left:
        done = {request.id for request in ordered}
        ready = next((each for each in left if done.issuperset(each.after)), None)
        if ready is None:
            waiting = ", ".join(repr(each.id) for each in left)
            raise BadRequest(f"The requests {waiting} wait for each other: none can be the first.")
        ordered.append(ready)
        left.remove(ready)
    return ordered


async def start_batch(
    turns: Turns, key: PathKey, user: str, requests: Sequence[BatchRequest]
) -> list[tuple[str, TurnRow]]:
    """Queue *requests* on a path, those that others come after first.

    A request does not begin if one that it comes after has not ended well.

    Args:
        turns: The queue.
        key: The path.
        user: Who asks.
        requests: The requests, in any order.

    Returns:
        The name of each request and its turn, in the order in which they run.

    Raises:
        BadRequest: See `in_order`.
        InvalidRequest, QueueFull, Draining: See `Turns.start`; none of them was queued.
    """
    ordered = in_order(requests)
    turns.check_all(key, [request.text for request in ordered])
    started: dict[str, TurnRow] = {}
    for request in ordered:
        after = [started[name].id for name in request.after]
        started[request.id] = await turns.start(
            key, user, kind="turn", request=request.text, after=after
        )
    return list(started.items())
