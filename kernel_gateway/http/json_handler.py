"""The base of every HTTP handler: identity, JSON bodies, one error format."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from typing import IO, Any, ClassVar, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ValidationError
from tornado.iostream import StreamClosedError
from tornado.web import HTTPError, RequestHandler, stream_request_body

from container.messages import HALF_CHARACTER, from_json
from kernel_gateway.errors import (
    BadRequest,
    BodyTooLarge,
    Conflict,
    ConversationDeleted,
    MethodNotAllowed,
    NotFound,
    TokenWrong,
)
from kernel_gateway.http.login_cookies import login_token
from kernel_gateway.http.problems import Problem, problem_from_error
from kernel_gateway.identity.auth import Identity, bearer_token, protocol_token, same_origin
from kernel_gateway.ids import PathKey, is_id, is_path_name
from kernel_gateway.proxies import Client
from kernel_gateway.services import Services
from kernel_gateway.store.tables import ConversationRow

log = logging.getLogger("tallybook.http")
Body = TypeVar("Body", bound=BaseModel)
# A body over its limit is read and discarded up to this size, so that the client gets the error
# and not a reset connection.
DRAINED_BYTES = 1_000_000_000
CHUNK_BYTES = 256 * 1024
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")  # a NUL, not an escaped backslash before "u0000"


READING = frozenset({"GET", "HEAD"})


async def identify(
    handler: RequestHandler, *, query_token: bool = False, socket: bool = False
) -> Identity:
    """Return the caller's identity; the only place where tokens are read.

    A cookie is accepted only from the service's own pages: a browser sends it with requests of
    other pages too.

    Args:
        handler: The handler of the request.
        query_token: Whether ``?token=`` is accepted, as Jupyter's clients send it.
        socket: Whether it is a websocket, which may offer the token as a subprotocol.

    Raises:
        NotAuthenticated: The token is missing or invalid.
        TooManyFailedTokens: The token is wrong, like too many before it from this address.
        KeysUnavailable: The token can't be checked now.
    """
    headers = handler.request.headers
    token = bearer_token(headers)
    if token is None and socket:
        token = protocol_token(headers)
    if token is None and query_token:
        token = handler.get_query_argument("token", None)
    tls = client_of(handler).tls
    if token is None and same_origin(headers, tls=tls):
        token = login_token(handler, tls=tls)
    return await check_token(handler, token)


async def check_token(handler: RequestHandler, token: str | None) -> Identity:
    """Return the identity of *token*; count a wrong one. Raises the errors of `identify`."""
    services: Services = handler.application.settings["services"]
    address, failed = client_of(handler).address, services.failed_tokens
    try:
        return await services.authenticator.identify(token, suspicious=failed.exhausted(address))
    except TokenWrong:
        failed.take(address)
        raise


def client_of(handler: RequestHandler) -> Client:
    """Return the client of the request, as named by trusted proxies if there are any."""
    services: Services = handler.application.settings["services"]
    request = handler.request
    peer, tls = request.remote_ip or "", request.protocol == "https"
    return services.proxies.client(request.headers, peer, tls=tls)


PAGE_POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
FILE_POLICY = "default-src 'none'; sandbox"
"""Policy for workspace files: they may not load or run anything, wherever they are shown."""


@stream_request_body
class JsonHandler(RequestHandler):
    """Checks token, scope and rate, collects a bounded JSON body, renders all errors.

    Attributes:
        public: Needs no token.
        query_token: Accepts ``?token=``.
        scopes: Method → needed scope; by default ``read`` for GET and HEAD, ``run`` for others.
    """

    public: ClassVar[bool] = False
    query_token: ClassVar[bool] = False
    scopes: ClassVar[Mapping[str, str]] = {}
    identity: Identity
    about: str | None = None
    """The conversation that the address names."""

    @property
    def services(self) -> Services:
        """The gateway's services."""
        services: Services = self.application.settings["services"]
        return services

    def set_default_headers(self) -> None:
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("X-Frame-Options", "DENY")
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("Cache-Control", "no-store")
        self.set_header("Cross-Origin-Resource-Policy", "same-site")
        self.set_header("Content-Security-Policy", PAGE_POLICY)
        self.clear_header("Server")
        self._allow_origin()

    def _allow_origin(self) -> None:
        origin = self.request.headers.get("Origin")
        if origin is not None and origin in self.services.settings.origins:
            self.set_header("Access-Control-Allow-Origin", origin)
            self.set_header("Access-Control-Expose-Headers", "Retry-After, Content-Disposition")
            self.set_header("Cross-Origin-Resource-Policy", "cross-origin")
            self.set_header("Vary", "Origin")

    async def prepare(self) -> None:
        """Check caller and declared length before the body is read."""
        self._collected = bytearray()
        self._refusal: Exception | None = None
        if "%00" in (self.request.uri or ""):
            raise BadRequest("The address holds a NUL character.")
        if self.request.method == "OPTIONS":
            self._answer_preflight()
            return
        if not self.public:
            await self.check_caller()
        self.check_length(self.declared_length())

    def _answer_preflight(self) -> None:
        self.set_header("Access-Control-Allow-Methods", ", ".join(self._methods()))
        self.set_header("Access-Control-Allow-Headers", "Authorization, Content-Type, X-XSRFToken")
        self.set_header("Access-Control-Max-Age", "600")
        self.set_status(204)
        self.finish()

    def _methods(self) -> list[str]:
        names = ("get", "post", "put", "patch", "delete")
        return [
            n.upper() for n in names if getattr(type(self), n) is not getattr(RequestHandler, n)
        ]

    async def check_caller(self) -> None:
        """Identify the caller; check their scope and rate limit.

        Raises:
            NotAuthenticated, Forbidden, RateLimited
        """
        self.identity = await identify(self, query_token=self.query_token)
        method = self.request.method or "GET"
        if method in self._methods():
            usual = "read" if method in READING else "run"
            self.identity.check(self.scopes.get(method, usual))
        self.services.rate_limits.take(self.identity)

    def declared_length(self) -> int:
        """Return the ``Content-Length`` in bytes; 0 if there is none."""
        try:
            return int(self.request.headers.get("Content-Length", "0"))
        except ValueError:
            raise BadRequest("The Content-Length header is not a number.") from None

    @property
    def body_limit_bytes(self) -> int:
        """Largest accepted body."""
        return int(self.services.settings.body_limit_mb * 1_000_000)

    def check_length(self, length: int) -> None:
        """Note a body over the limit; refuse at once one over `DRAINED_BYTES`."""
        if length > self.body_limit_bytes:
            self._refusal = BodyTooLarge(self.body_limit_bytes)
            if length > DRAINED_BYTES:
                raise self._refusal

    def data_received(self, chunk: bytes) -> None:
        """Collect the body up to its limit."""
        if self._refusal is None and len(self._collected) + len(chunk) > self.body_limit_bytes:
            self._refusal = BodyTooLarge(self.body_limit_bytes)
        if self._refusal is None:
            self._collected += chunk

    @property
    def body(self) -> bytes:
        """The raw body; raises `BodyTooLarge` if it is over the limit."""
        if self._refusal is not None:
            raise self._refusal
        return bytes(self._collected)

    def json_body(self, model: type[Body]) -> Body:
        """Parse the body as *model*; an empty body counts as ``{}``.

        Raises:
            BadRequest: It is not JSON, or a field is missing or wrong.
            BodyTooLarge: It was over the limit.
        """
        return parse_json(self.body or b"{}", model)

    async def conversation(self, conversation_id: str) -> ConversationRow:
        """Return a conversation of the caller's tenant; `NotFound` for any other."""
        if not is_id(conversation_id):
            raise NotFound("conversation", conversation_id)
        self.about = conversation_id
        return await self.services.repository.conversations.get(
            self.identity.tenant, conversation_id
        )

    async def path_key(
        self, conversation_id: str, path: str, *, to_change: bool = False
    ) -> PathKey:
        """Return the key of a path of the caller's tenant.

        Args:
            conversation_id: As the address names it.
            path: As the address names it.
            to_change: Whether the caller will change it.

        Raises:
            NotFound: There is no such path in the tenant.
            Conflict: *to_change* is set, but the path was merged into another one.
        """
        self.about = conversation_id
        return await find_path(
            self.services, self.identity, conversation_id, path, to_change=to_change
        )

    def int_argument(self, name: str, default: int | None, *, low: int, high: int) -> int | None:
        """Return a query argument as a number in its range."""
        text = self.get_query_argument(name, None)
        if text is None:
            return default
        if not text.isascii() or not text.isdigit() or not low <= int(text[:18]) <= high:
            raise BadRequest(f"{name}={text[:40]!r} is not a number from {low} to {high}.")
        return int(text)

    def write_json(self, status: int, value: Any) -> None:
        """Send *value* as the response."""
        self.set_status(status)
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.finish(json.dumps(value))

    async def send_file(self, file: IO[bytes], kind: str, name: str) -> None:
        """Send *file* in chunks as an attachment called *name*, until the client disconnects.

        The headers keep browsers from showing it as a page or running it, whatever *kind* says.
        """
        self.set_header("Content-Type", kind)
        self.set_header("Content-Security-Policy", FILE_POLICY)
        self.set_header("Content-Disposition", f"attachment; filename*=UTF-8''{quote(name)}")
        try:
            while chunk := file.read(CHUNK_BYTES):
                self.write(chunk)
                await self.flush()
        except StreamClosedError:
            return
        self.finish()

    def write_problem(self, problem: Problem) -> None:
        """Send an error."""
        set_problem_headers(self, problem)
        self.write_json(problem.status, self.problem_body(problem))

    def problem_body(self, problem: Problem) -> dict[str, Any]:
        """Return the body of an error."""
        return problem.body()

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Render every exception as the one error body (called by tornado)."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, HTTPError):
            known = {404: NotFound("address", self.request.path)}
            known_405 = MethodNotAllowed(self.request.method or "?", self.request.path)
            error = known_405 if status_code == 405 else known.get(status_code, error)
        if isinstance(error, HTTPError):
            message = error.log_message or "The request is malformed."
            error = BadRequest(str(message)[:300])
        self.write_problem(self._problem(error or Exception()))

    def _problem(self, error: Exception) -> Problem:
        """Return the problem for *error*; an unexpected one during a deletion is explained."""
        problem = problem_from_error(error)
        amid_deletion = self.about is not None and self.about in self.services.deletions
        if problem.status == 500 and amid_deletion:
            return problem_from_error(ConversationDeleted())
        return problem

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Log only unexpected errors."""
        if not isinstance(value, HTTPError) and self._problem(value).status == 500:
            log.error("%s %s failed", self.request.method, self.request.path,
                      exc_info=(typ, value, tb))  # fmt: skip


def set_problem_headers(handler: RequestHandler, problem: Problem) -> None:
    """Set the headers that *problem* needs, such as ``Retry-After``."""
    if problem.status == 401:
        handler.set_header("WWW-Authenticate", "Bearer")
    if "retry_after" in problem.details:
        handler.set_header("Retry-After", str(problem.details["retry_after"]))


class UnknownAddressHandler(JsonHandler):
    """Answers 404 for every address that is not in the route table."""

    public = True

    async def prepare(self) -> None:
        await super().prepare()
        raise NotFound("address", self.request.path)


async def find_path(
    services: Services, who: Identity, conversation_id: str, path: str, *, to_change: bool
) -> PathKey:
    """See `JsonHandler.path_key`."""
    if not is_id(conversation_id):
        raise NotFound("conversation", conversation_id)
    if not is_path_name(path):
        raise NotFound("path", path)
    key = PathKey(who.tenant, conversation_id, path)
    row = await services.repository.conversations.path(key)
    if to_change and row.merged_into is not None:
        raise Conflict(f"Path {path!r} was merged into {row.merged_into!r}; go on there.")
    return key


def parse_json(content: bytes, model: type[Body]) -> Body:
    """Parse *content* as *model*; `BadRequest` names the first thing that is wrong."""
    try:
        value = from_json(content)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"The body is not JSON: {str(error)[:120]}.") from None
    text = json.dumps(value, ensure_ascii=False)
    if HALF_CHARACTER.search(text):
        raise BadRequest("The body holds half of a character (a lone surrogate, \\ud800-\\udfff).")
    if _NUL.search(text):
        raise BadRequest("The body holds a NUL character; remove it.")
    if not isinstance(value, Mapping):
        raise BadRequest(f"The body must be a JSON object, not {type(value).__name__}.")
    return validate(value, model)


def validate(value: Mapping[str, Any], model: type[Body]) -> Body:
    """Read *value* as *model*; `BadRequest` names the first field that is wrong."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "body"
        raise BadRequest(f"Field {where}: {first['msg']}.") from None
