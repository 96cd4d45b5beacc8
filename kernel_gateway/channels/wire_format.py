"""Jupyter's messages on websockets, in both of its wire formats.

Sources: "Messaging in Jupyter" 5.4; "WebSocket kernel wire protocols" (jupyter_server's
documentation): the default JSON protocol, with binary frames where there are buffers, and
``v1.kernel.websocket.jupyter.org``.
"""

from __future__ import annotations

import base64
import itertools
import json
import re
import struct
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from container.messages import HALF_CHARACTER, PARTS, KernelMessage, from_json

V1 = "v1.kernel.websocket.jupyter.org"
CHANNELS = frozenset({"shell", "iopub", "stdin", "control"})
HEADER = ("msg_id", "msg_type", "session", "username", "version", "date")
MOST_HEADER_TEXT = 200
MOST_FRAMES = 1000
NO_BUFFERS = '"buffers": []}'
_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_ESCAPED_BYTES = re.compile(rb"\\u[dD][89a-fA-F]|\xed[\xa0-\xbf]")
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)?", re.ASCII)
_LIKE_A_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}T")

Message = KernelMessage
"""``header``, ``parent_header``, ``metadata``, ``content``, ``buffers`` (bytes), ``channel``."""


class MessageMalformed(ValueError):
    """A frame is no Jupyter message; the text says why."""


def encode(message: Mapping[str, Any], protocol: str | None) -> str | bytes:
    """Render *message* for a websocket that speaks *protocol* (`V1`, or ``None``)."""
    if protocol == V1:
        parts = [json.dumps(message[part]).encode() for part in PARTS]
        return _encode_v1(message["channel"], [*parts, *message.get("buffers", ())])
    plain = _plain(message)
    buffers = message.get("buffers", ())
    if not buffers:
        return json.dumps({**plain, "buffers": []})
    frames = [json.dumps(plain).encode(), *buffers]
    offset, offsets = 4 * (len(frames) + 1), []
    for frame in frames:
        offsets.append(offset)
        offset += len(frame)
    return struct.pack(f"!{len(frames) + 1}I", len(frames), *offsets) + b"".join(frames)


def _plain(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return *message* as a JSON object, without its buffers."""
    header, rest = message["header"], {k: v for k, v in message.items() if k != "buffers"}
    return {**rest, "msg_id": header["msg_id"], "msg_type": header["msg_type"]}


def encode_event(text: str, protocol: str | None) -> str | bytes:
    """Render a stored message, the JSON *text* of `to_event`, for a websocket.

    In the default protocol a message without buffers is *text* itself.
    """
    if protocol is None and text.endswith(NO_BUFFERS):
        return text
    return encode(from_event(json.loads(text)), protocol)


def _encode_v1(channel: str, frames: Sequence[bytes]) -> bytes:
    parts = [channel.encode(), *frames]
    offset, offsets = 8 * (len(parts) + 2), []
    for part in parts:
        offsets.append(offset)
        offset += len(part)
    offsets.append(offset)
    return struct.pack(f"<{len(offsets) + 1}Q", len(offsets), *offsets) + b"".join(parts)


def decode(frame: str | bytes, protocol: str | None) -> Message:
    """Read a websocket frame.

    Raises:
        MessageMalformed: It is no message.
    """
    try:
        if protocol == V1:
            message = _decode_v1(frame)
        elif isinstance(frame, bytes):
            message = _decode_buffers(frame)
        else:
            message = from_json(frame)
    except (ValueError, struct.error, RecursionError, UnicodeError) as error:
        raise MessageMalformed(str(error)[:200] or "it can't be read") from None
    checked = _checked(message)
    if _may_hold_half(frame):
        texts: dict[str, Any] = {**checked, "buffers": []}
        if HALF_CHARACTER.search(json.dumps(texts, ensure_ascii=False)):
            raise MessageMalformed("it holds half of a character, which can't be stored")
    return checked


def _may_hold_half(frame: str | bytes) -> bool:
    """Whether *frame* has an escape or bytes that may be a lone surrogate."""
    if isinstance(frame, str):
        return bool(_ESCAPE.search(frame))
    return bool(_ESCAPED_BYTES.search(frame))


def _decode_v1(frame: str | bytes) -> dict[str, Any]:
    if isinstance(frame, str):
        raise MessageMalformed("this protocol has binary frames only")
    (count,) = struct.unpack_from("<Q", frame)
    if not 6 <= count <= MOST_FRAMES:
        raise MessageMalformed(f"it states {count} offsets")
    offsets = struct.unpack_from(f"<{count}Q", frame, 8)
    if list(offsets) != sorted(offsets) or offsets[-1] > len(frame):
        raise MessageMalformed("its offsets are not in order")
    parts = [frame[start:end] for start, end in itertools.pairwise(offsets)]
    message = {name: from_json(part) for name, part in zip(PARTS, parts[1:5], strict=True)}
    return {**message, "channel": parts[0].decode(), "buffers": parts[5:]}


def _decode_buffers(frame: bytes) -> dict[str, Any]:
    (count,) = struct.unpack_from("!I", frame)
    if not 1 <= count <= MOST_FRAMES:
        raise MessageMalformed(f"it states {count} parts")
    offsets = [*struct.unpack_from(f"!{count}I", frame, 4), len(frame)]
    if offsets != sorted(offsets):
        raise MessageMalformed("its offsets are not in order")
    parts = [frame[start:end] for start, end in itertools.pairwise(offsets)]
    message = from_json(parts[0])
    if not isinstance(message, dict):
        raise MessageMalformed("it is not an object")
    return {**message, "buffers": parts[1:]}


def _checked(message: Any) -> Message:
    if not isinstance(message, dict):
        raise MessageMalformed("it is not an object")
    for part in PARTS:
        if not isinstance(message.setdefault(part, {}), dict):
            raise MessageMalformed(f"its {part} is not an object")
    message["header"] = header = _plain_header(message["header"])
    message["parent_header"] = _plain_header(message["parent_header"])
    for name in ("msg_id", "msg_type"):
        if not header.get(name):
            raise MessageMalformed(f"its header has no {name}")
    channel = message.setdefault("channel", "shell")
    if not isinstance(channel, str) or channel not in CHANNELS - {"iopub"}:
        raise MessageMalformed(f"channel {str(channel)[:40]!r} takes no messages")
    buffers = message.get("buffers") or []
    if not isinstance(buffers, list) or not all(isinstance(each, bytes) for each in buffers):
        raise MessageMalformed("its buffers are not binary")
    parts = {part: message[part] for part in PARTS}
    return cast(Message, {**parts, "channel": channel, "buffers": buffers})


def _plain_header(header: Mapping[str, Any]) -> dict[str, str]:
    """Return the fields of a client's header that a kernel can read.

    A kernel parses every header text that begins like a date as a date. If that fails, it never
    answers the request; if it succeeds, the text changes.
    """
    texts = {name: header[name] for name in HEADER if isinstance(header.get(name), str)}
    return {
        name: text
        for name, text in texts.items()
        if len(text) <= MOST_HEADER_TEXT
        and (_is_date(text) if name == "date" else not _LIKE_A_DATE.match(text))
    }


def _is_date(text: str) -> bool:
    try:
        return bool(_DATE.fullmatch(text) and datetime.fromisoformat(text))
    except ValueError:
        return False


def to_event(message: Message) -> dict[str, Any]:
    """Render *message* as plain JSON, buffers last and in base64."""
    buffers = [base64.b64encode(buffer).decode() for buffer in message["buffers"]]
    return {**_plain(message), "buffers": buffers}


def from_event(data: Mapping[str, Any]) -> Message:
    """Return the message that `to_event` has rendered."""
    buffers = [base64.b64decode(buffer) for buffer in data["buffers"]]
    return cast(Message, {**data, "buffers": buffers})
