"""Read and write a kernel's messages on its ZMQ sockets.

jupyter_client's own reader and writer look for dates in every field, which takes longer
than all the rest. Source: "Messaging in Jupyter" 5.4, "The Wire Protocol".
"""

from __future__ import annotations

import hmac
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NotRequired, TypedDict, cast

PARTS = ("header", "parent_header", "metadata", "content")
DELIMITER = b"<IDS|MSG>"
HALF_CHARACTER = re.compile(r"[\ud800-\udfff]")
"""A lone surrogate: JSON can escape one, but UTF-8 can't encode it."""


class MessageHeader(TypedDict):
    """The protocol's "Message header"; a kernel may add more keys."""

    msg_id: str
    msg_type: str
    session: NotRequired[str]
    username: NotRequired[str]
    date: NotRequired[str]
    version: NotRequired[str]


class KernelMessage(TypedDict):
    """A message in the form the other modules use: plain JSON values, and buffers."""

    header: MessageHeader
    parent_header: dict[str, Any]
    metadata: dict[str, Any]
    content: dict[str, Any]
    buffers: NotRequired[list[bytes]]
    channel: NotRequired[str]


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text[:20]} is too large for a number")
    return number


def _refuse(text: str) -> float:
    raise ValueError(f"{text} is no number")


_JSON = json.JSONDecoder(parse_float=_finite, parse_constant=_refuse)


def from_json(text: str | bytes) -> Any:
    """Return the value of *text*, strict JSON.

    Python's own reader accepts ``NaN`` and ``Infinity``; browsers don't.
    Source: RFC 8259, section 6.

    Raises:
        ValueError: *text* is not JSON.
        RecursionError: It is nested too deeply.
    """
    return _JSON.decode(text if isinstance(text, str) else text.decode("utf-8", "surrogatepass"))


def write_message(message: Mapping[str, Any], sign: Callable[[list[bytes]], bytes]) -> list[bytes]:
    """Return *message* as signed frames.

    Args:
        message: Header, parent_header, metadata and content as plain JSON values, and buffers
            if there are any.
        sign: `jupyter_client.session.Session.sign` of the kernel's key.
    """
    signed = [json.dumps(message[part]).encode() for part in PARTS]
    return [DELIMITER, sign(signed), *signed, *message.get("buffers", ())]


def read_message(
    frames: Sequence[bytes], sign: Callable[[list[bytes]], bytes]
) -> KernelMessage | None:
    """Read a kernel's message; ``None`` if its signature or its shape is wrong.

    The signature proves only which kernel sent it: code in the kernel can sign anything, and
    can replace its socket with a link to another kernel's.

    Args:
        frames: Its frames, routing prefix included.
        sign: `jupyter_client.session.Session.sign` of the kernel's key.

    Returns:
        Header, parent_header, metadata and content as objects, and the buffers; dates are text.
    """
    try:
        start = list(frames).index(DELIMITER)
        signed = list(frames[start + 2 : start + 6])
        if len(signed) != len(PARTS) or not hmac.compare_digest(sign(signed), frames[start + 1]):
            return None
        message = {name: from_json(part) for name, part in zip(PARTS, signed, strict=True)}
    except (ValueError, UnicodeError, RecursionError):
        return None
    if not all(isinstance(message[part], dict) for part in PARTS):
        return None
    if not all(isinstance(message["header"].get(name), str) for name in ("msg_id", "msg_type")):
        return None
    return cast(KernelMessage, {**message, "buffers": list(frames[start + 6 :])})
