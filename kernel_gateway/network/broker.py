"""The broker: checks a call against what was granted, makes it, and keeps what came of it."""

from __future__ import annotations

import asyncio
import hashlib
import io
import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from agent.permission.network import Address, BadTarget, Target, address_of, method_of
from kernel_gateway.network.client import (
    CONNECTION_HEADERS,
    CallFailed,
    CallForbidden,
    HttpClient,
    Limits,
    Request,
    Response,
)
from kernel_gateway.network.questions import Questions
from kernel_gateway.network.secrets import HEADER_NAME, Secret, without_secrets
from notebooks.errors import NotebookError
from notebooks.history.blobs import Blobs
from notebooks.record.cells import utc_now
from notebooks.record.shielded import shielded

ONCE = "once"
MOST_HEADERS = 100
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
MOST_HEADER_CHARACTERS = 16_000
HOW_TO_ASK = (
    "To ask for it again, write this URL into the code of the cell that calls it, and run the cell"
)
CUT_OFF = "the cell ended, or was stopped, before its response came; the request may have left"
Note = Callable[[Mapping[str, Any]], Coroutine[Any, Any, None]]
Standing = Callable[[], Awaitable[Sequence[tuple[str, Target]]]]


class CallRefused(Exception):
    """The call may not be made; the message says why, and what to do."""


@dataclass(slots=True, kw_only=True)
class Use:
    """What one cell, or one call of a tool, may do with the network, and has done.

    Attributes:
        cell: The cell's id; ``None`` for a tool.
        once: What was granted for it alone, and what its questions add.
        standing: Returns the user's standing permissions now: grant's id and target. It is asked
            before each call, so a revoked one ends at once.
        blobs: Where responses are kept.
        note: Stores the event and the line of the audit list of a call.
        calls: The calls so far, for the record.
        begun: How many calls began, those that were refused included.
        questions: Asks the user for what nothing covers; ``None`` where nobody is asked.
    """

    cell: str | None
    once: list[Target]
    standing: Standing
    blobs: Blobs
    note: Note
    calls: list[dict[str, Any]] = field(default_factory=list)
    begun: int = 0
    questions: Questions | None = None
    _relied_on: dict[Target, None] = field(default_factory=dict)

    async def grant_for(self, method: str, address: Address) -> str | None:
        """Return what allows a call: `ONCE`, or the id of a grant; ``None`` if nothing does."""
        if any(target.covers(method, address) for target in self.once):
            return ONCE
        for grant, target in await self.standing():
            if target.covers(method, address):
                self._relied_on[target] = None
                return grant
        return None

    async def ask_for(self, method: str, address: Address, body_bytes: int) -> str:
        """Return what allows a call that nothing covered, now that the user was asked.

        Raises:
            CallRefused: Nothing does. The message says why, and what to do.
        """
        called = f"{method} {address.origin}{address.path} was not allowed"
        if self.questions is None:
            raise CallRefused(f"{called}. {HOW_TO_ASK}")
        if any(target.covers(method, address) for target in self._relied_on):
            raise CallRefused(f"{called}: its permission ended while the cell ran")

        async def allowed() -> bool:
            return await self.grant_for(method, address) is not None

        target = Target(method, replace(address, query=""))
        why = await self.questions.ask(target, address, body_bytes, allowed)
        grant = None if why else await self.grant_for(method, address)
        if grant is None:
            way = "" if self.cell is None else f". {HOW_TO_ASK}"
            raise CallRefused(f"{called}: {why or 'its permission has ended'}{way}")
        return grant


class NetworkBroker:
    """Makes the calls of all cells."""

    def __init__(self, client: HttpClient, secrets: Sequence[Secret] = ()) -> None:
        """Make calls with *client*; add *secrets* to those they are for."""
        self._client, self._secrets = client, tuple(secrets)
        self._free = asyncio.Semaphore(client.limits.at_once)

    @property
    def limits(self) -> Limits:
        """What calls may take."""
        return self._client.limits

    def secrets_for(self, address: Address) -> list[str]:
        """Return the names of the secrets that a call of *address* gets."""
        return [secret.name for secret in self._secrets if secret.is_for(address)]

    async def call(self, request: Request, use: Use) -> Response:
        """Make *request* if *use* allows it, and record it.

        A call that is cancelled midway is recorded too: its request may have left. Of the calls
        past a cell's limit only the first is recorded, so that none can fill the record.

        Raises:
            CallRefused: It is not allowed.
            CallFailed: It was made and failed.
        """
        use.begun += 1
        if use.begun > self.limits.calls + 1:
            raise CallRefused(_too_many(self.limits.calls))
        facts: dict[str, Any] = {
            "method": request.method[:20],
            "url": request.url.partition("#")[0][:8000],
            "at": utc_now(),
            "request_bytes": len(request.body),
            "request_sha256": hashlib.sha256(request.body).hexdigest(),
        }
        try:
            response = await self._allowed(request, use, facts)
        except CallRefused as refused:
            await self._noted(use, {**facts, "status": None, "problem": f"refused: {refused}"})
            raise
        except CallFailed as failed:
            await self._noted(use, {**facts, "status": None, "problem": str(failed)})
            raise
        except asyncio.CancelledError:
            await self._noted(use, {**facts, "status": None, "problem": CUT_OFF})
            raise
        sha256 = await asyncio.to_thread(_kept, response.body, use.blobs)
        answered = {
            "status": response.status,
            "reason": response.reason,
            "headers": [list(header) for header in response.headers],
            "response_bytes": len(response.body),
            "sha256": sha256,
        }
        await self._noted(use, {**facts, **answered})
        return response

    async def _allowed(self, request: Request, use: Use, facts: dict[str, Any]) -> Response:
        limits = self.limits
        if use.begun > limits.calls:
            raise CallRefused(_too_many(limits.calls))
        if len(request.body) > limits.request_bytes:
            raise CallRefused(
                f"the body has {len(request.body):,} bytes; {limits.request_bytes:,} are the most"
            )
        try:
            method, address = method_of(request.method), address_of(request.url)
        except BadTarget as error:
            raise CallRefused(str(error)) from None
        facts |= {"method": method, "grant": await use.grant_for(method, address)}
        if facts["grant"] is None:
            facts["grant"] = await use.ask_for(method, address, len(request.body))
        secrets = [secret for secret in self._secrets if secret.is_for(address)]
        facts["secrets"] = [secret.name for secret in secrets]
        wanted = Request(
            method=method,
            url=address.url,  # what was checked, not what was written
            headers=_sent_headers(request.headers, secrets),
            body=request.body,
        )
        try:
            async with self._free:
                response = await self._client.call(wanted)
        except CallForbidden as forbidden:
            raise CallRefused(str(forbidden)) from None
        except CallFailed as failed:
            raise CallFailed(f"{method} {address.origin}{address.path}: {failed}") from None
        return await asyncio.to_thread(_without, response, secrets)

    async def _noted(self, use: Use, facts: Mapping[str, Any]) -> None:
        kept = {"grant": None, "secrets": [], **facts}
        use.calls.append(kept)
        await shielded(use.note({"cell": use.cell, **kept}))


def _too_many(most: int) -> str:
    return f"a cell may make {most} calls, and it has made them"


def _sent_headers(
    headers: Sequence[tuple[str, str]], secrets: Sequence[Secret]
) -> list[tuple[str, str]]:
    """Return the headers to send: the cell's, without those of its connection, and secrets."""
    if len(headers) > MOST_HEADERS:
        raise CallRefused(f"it has {len(headers)} headers; {MOST_HEADERS} are the most")
    if sum(len(name) + len(value) for name, value in headers) > MOST_HEADER_CHARACTERS:
        raise CallRefused(f"its headers have over {MOST_HEADER_CHARACTERS:,} characters")
    for name, value in headers:
        if not HEADER_NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise CallRefused(f"the header {name[:60]!r} holds control characters or blanks")
    replaced = {secret.header.lower() for secret in secrets} | CONNECTION_HEADERS
    if secrets:
        # A compressed response could not be searched for them, nor one that comes in pieces.
        replaced |= {"accept-encoding", "range", "if-range"}
    kept = [(name, value) for name, value in headers if name.lower() not in replaced]
    if secrets:
        kept.append(("Accept-Encoding", "identity"))
    return [*kept, *((secret.header, secret.value) for secret in secrets)]


def _without(response: Response, secrets: Sequence[Secret]) -> Response:
    """Return *response* without the secrets, which a server may send back.

    Raises:
        CallFailed: It is compressed although that was not asked for.
    """
    if not secrets:
        return response
    for name, value in response.headers:
        if name.lower() == "content-encoding" and value.strip().lower() not in ("", "identity"):
            raise CallFailed("its response is compressed, so no secret can be taken out of it")

    def plain(text: str) -> str:
        return without_secrets(text.encode("latin-1", "replace"), secrets).decode("latin-1")

    return Response(
        status=response.status,
        reason=plain(response.reason),
        headers=[(name, plain(value)) for name, value in response.headers],
        body=without_secrets(response.body, secrets),
    )


def _kept(content: bytes, blobs: Blobs) -> str | None:
    """Keep a response's content; return its sha256, or ``None`` where there is no room."""
    sha256 = hashlib.sha256(content).hexdigest()
    try:
        blobs.pin(sha256, io.BytesIO(content))
    except (NotebookError, OSError):
        return None
    return sha256
