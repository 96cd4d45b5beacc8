"""The base of every HTTP handler: identity, JSON in and out, one error shape."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from tornado.web import HTTPError, RequestHandler, stream_request_body

from kernel_gateway.auth import COOKIE, LOCAL, Identity, bearer_token, same_origin, token_matches
from kernel_gateway.errors import (
    BadRequest,
    BodyTooLarge,
    MethodNotAllowed,
    NotAuthenticated,
    NotFound,
)
from kernel_gateway.ids import MAIN_PATH, is_id
from kernel_gateway.problems import Problem, problem_from_error
from kernel_gateway.services import Services
from kernel_gateway.store.tables import ConversationRow

log = logging.getLogger("tallybook.http")
Body = TypeVar("Body", bound=BaseModel)
# A body over its limit is read and dropped up to this size, so that the client
# gets the answer and not a reset connection.
DRAINED_BYTES = 1_000_000_000
_HALF_CHARACTER = re.compile(r"[\ud800-\udfff]")


@stream_request_body
class JsonHandler(RequestHandler):
    """Checks the token, collects a bounded JSON body, renders every error alike."""

    public = False

    @property
    def services(self) -> Services:
        """The gateway's parts."""
        services: Services = self.application.settings["services"]
        return services

    @property
    def identity(self) -> Identity:
        """Who is calling."""
        return LOCAL

    def set_default_headers(self) -> None:
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("X-Frame-Options", "DENY")
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("Cache-Control", "no-store")
        self.set_header(
            "Content-Security-Policy",
            "default-src 'self'; img-src 'self' data:; object-src 'none'; frame-ancestors 'none'",
        )
        self.clear_header("Server")

    def prepare(self) -> None:
        """Refuse what has no right token before anything of it is read."""
        self._collected = bytearray()
        self._too_large: Exception | None = None
        if not self.public:
            self.check_token()
        self.check_length(self.declared_length())

    def declared_length(self) -> int:
        """Return the body's length as the client states it."""
        try:
            return int(self.request.headers.get("Content-Length", "0"))
        except ValueError:
            raise BadRequest("The Content-Length header is not a number.") from None

    def check_token(self) -> None:
        """Raise `NotAuthenticated` unless the caller holds the token."""
        given = bearer_token(self.request.headers)
        if given is None:
            given = self.get_cookie(COOKIE)
            if given is not None and not same_origin(self.request.headers):
                raise NotAuthenticated
        if given is None or not token_matches(given, self.services.token):
            raise NotAuthenticated

    @property
    def body_limit_bytes(self) -> int:
        """Largest body this handler takes."""
        return int(self.services.settings.body_limit_mb * 1_000_000)

    def check_length(self, length: int) -> None:
        """Note a body over the limit; refuse at once what isn't worth draining."""
        if length > self.body_limit_bytes:
            self._too_large = BodyTooLarge(self.body_limit_bytes)
            if length > DRAINED_BYTES:
                raise self._too_large

    def data_received(self, chunk: bytes) -> None:
        """Collect the body up to its limit."""
        if self._too_large is None and len(self._collected) + len(chunk) > self.body_limit_bytes:
            self._too_large = BodyTooLarge(self.body_limit_bytes)
        if self._too_large is None:
            self._collected += chunk

    def json_body(self, model: type[Body]) -> Body:
        """Parse the body as *model*; an empty body counts as ``{}``.

        Raises:
            BadRequest: It is not JSON, or a field is missing or wrong.
            BodyTooLarge: It was over the limit.
        """
        if self._too_large is not None:
            raise self._too_large
        return parse_json(bytes(self._collected) or b"{}", model)

    async def conversation(self, conversation_id: str, path: str = MAIN_PATH) -> ConversationRow:
        """Return the caller's conversation, if *path* is one of its paths; else `NotFound`."""
        if not is_id(conversation_id):
            raise NotFound("conversation", conversation_id)
        row = await self.services.repository.conversation(self.identity.tenant, conversation_id)
        if path != MAIN_PATH:
            raise NotFound("path", path)
        return row

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

    def write_problem(self, problem: Problem) -> None:
        """Send an error."""
        if problem.status == 401:
            self.set_header("WWW-Authenticate", "Bearer")
        self.write_json(problem.status, problem.body())

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
        self.write_problem(problem_from_error(error or Exception()))

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Log only what nobody foresaw."""
        if not isinstance(value, HTTPError) and problem_from_error(value).status == 500:
            log.error("%s %s failed", self.request.method, self.request.path,
                      exc_info=(typ, value, tb))  # fmt: skip


class UnknownAddressHandler(JsonHandler):
    """Every address that is not in the route table."""

    public = True

    def prepare(self) -> None:
        super().prepare()
        raise NotFound("address", self.request.path)


def parse_json(content: bytes, model: type[Body]) -> Body:
    """Parse *content* as *model*; `BadRequest` names the first thing that is wrong."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"The body is not JSON: {str(error)[:120]}.") from None
    if _HALF_CHARACTER.search(json.dumps(value, ensure_ascii=False)):
        raise BadRequest("The body holds half of a character (a lone surrogate, \\ud800-\\udfff).")
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
