"""Declares what each handler's method takes and returns; the OpenAPI document is made of this.

Source: OpenAPI Specification 3.1.0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel

Method = TypeVar("Method", bound=Callable[..., Any])
FILES: Mapping[str, Any] = {
    "type": "array",
    "items": {"type": "string", "contentMediaType": "application/octet-stream"},
}
"""JSON Schema of a multipart field of files."""
MARK = "__operation__"


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A query argument, or a header; *schema* is JSON Schema."""

    name: str
    schema: Mapping[str, Any]
    help: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one address.

    Attributes:
        summary: What it does, in one line.
        returns: Status → model of the JSON body, content types with commas between, or ``None`` for
            no body.
        body: Model of the JSON body it takes.
        form: Names of the fields of the multipart body it takes.
        query: Its query arguments.
        headers: The headers it takes.
        content: Media type of the body it takes, if that is neither JSON nor a form.
    """

    summary: str
    returns: Mapping[int, type[BaseModel] | str | None]
    body: type[BaseModel] | None = None
    form: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    query: Sequence[Query] = ()
    headers: Sequence[Query] = ()
    content: str | None = None


def operation(summary: str, **facts: Any) -> Callable[[Method], Method]:
    """Declare what a handler's method takes and returns; see `Operation`."""

    def mark(method: Method) -> Method:
        setattr(method, MARK, Operation(summary=summary, **facts))
        return method

    return mark


def operation_of(handler: type, method: str) -> Operation | None:
    """Return the declaration of a method of *handler*; ``None`` if there is none."""
    found: Operation | None = getattr(getattr(handler, method.lower(), None), MARK, None)
    return found
