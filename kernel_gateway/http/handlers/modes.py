"""``/conversations/{c}/mode``: how a conversation works: look, change, go back to ``auto``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from agent.modes import AUTO, Mode
from kernel_gateway.http.json_handler import JsonHandler
from kernel_gateway.http.operations import operation
from kernel_gateway.http.schemas.modes import ModeReply, ModeRequest


class ModeHandler(JsonHandler):
    """The mode of one conversation."""

    @operation("Look at a conversation's mode", returns={200: ModeReply})
    async def get(self, conversation_id: str) -> None:
        row = await self.conversation(conversation_id)
        mode = await self.services.modes.current(row.tenant, row.id)
        self.write_json(200, mode_to_json(mode))

    @operation(
        "Change a conversation's mode, from its next cell on",
        body=ModeRequest,
        returns={200: ModeReply},
    )
    async def put(self, conversation_id: str) -> None:
        row = await self.conversation(conversation_id)
        body = self.json_body(ModeRequest)
        wanted = Mode(
            name=body.name,
            scope=tuple(body.scope),
            ends_at=None if body.until is None else body.until.timestamp(),
            cells=body.cells,
        )
        await self._change(row.tenant, row.id, wanted)

    @operation("Go back to the mode auto; revokes autonomous", returns={200: ModeReply})
    async def delete(self, conversation_id: str) -> None:
        row = await self.conversation(conversation_id)
        await self._change(row.tenant, row.id, AUTO)

    async def _change(self, tenant: str, conversation: str, wanted: Mode) -> None:
        user = self.identity.user
        mode = await self.services.modes.change(tenant, conversation, wanted, user)
        self.write_json(200, mode_to_json(mode))


def mode_to_json(mode: Mode) -> dict[str, Any]:
    """Render a mode."""
    ends = None if mode.ends_at is None else datetime.fromtimestamp(mode.ends_at, UTC)
    return {
        "name": mode.name,
        "by": mode.by or None,
        "at": mode.at or None,
        "scope": list(mode.scope),
        "until": None if ends is None else ends.isoformat(timespec="seconds"),
        "cells": mode.cells,
    }
