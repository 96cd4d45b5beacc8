"""The mode of a conversation at the terminal: ``/mode`` in a chat, ``--mode`` before it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from agent.modes import MODE_NAMES

if TYPE_CHECKING:
    from kernel_gateway.terminal.client import GatewayClient

LASTING = re.compile(r"(\d{1,4}) ?([hm])")
SETTABLE = tuple(name for name in MODE_NAMES if name != "autonomous")
"""Modes that need no more than their name."""
USAGE = (
    "/mode shows the mode; /mode auto, preview, step or read-only sets it; "
    "/mode autonomous 2h 20 CAPABILITY... allows 20 cells within two hours what the capabilities "
    'name, such as library:urllib or "network:GET https://host/path/*"; /mode auto revokes it.'
)


class ModeWordsWrong(ValueError):
    """The words behind ``/mode`` name no mode; the message says what they can be."""


def ends_at(lasting: str) -> str | None:
    """Return when what lasts ``2h`` or ``30m`` ends, ISO 8601; ``None`` if it says neither."""
    told = LASTING.fullmatch(lasting)
    if told is None or not int(told[1]):
        return None
    length = timedelta(hours=int(told[1])) if told[2] == "h" else timedelta(minutes=int(told[1]))
    return (datetime.now(UTC) + length).isoformat()


def asked_mode(line: str) -> dict[str, Any] | None:
    """Return the body that ``/mode`` with the rest *line* asks to set; ``None`` to show the mode.

    Raises:
        ModeWordsWrong: It is none of what `USAGE` says.
    """
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise ModeWordsWrong(f"{error}. {USAGE}") from None
    match words:
        case []:
            return None
        case [name] if name in SETTABLE:
            return {"name": name}
        case ["autonomous", lasting, cells, *scope] if cells.isdecimal() and scope:
            if (until := ends_at(lasting)) is not None:
                named = {"name": "autonomous", "scope": scope}
                return {**named, "until": until, "cells": int(cells[:9])}
    raise ModeWordsWrong(USAGE)


async def mode_lines(
    client: GatewayClient, conversation: str, wanted: dict[str, Any] | None
) -> list[str]:
    """Set the mode of *conversation* if one is *wanted*; return lines that say what it is."""
    url = f"/api/v1/conversations/{conversation}/mode"
    mode = await (client.get(url) if wanted is None else client.put(url, wanted))
    lines = [f"mode: {mode['name']}"]
    if mode["name"] == "autonomous":
        lines.append(f"  until {mode['until']}, {mode['cells']} more cells")
        lines += _scope(mode["scope"])
    return lines


def _scope(names: Sequence[str]) -> list[str]:
    return [f"  allows {name}" for name in names]
