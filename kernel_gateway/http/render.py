"""Renders rows and other objects as JSON."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from container.workspace.workspace import OUTPUTS, WorkspaceFile
from kernel_gateway.contexts.state import ExecutionContext
from kernel_gateway.ids import PathKey
from kernel_gateway.services import Services
from kernel_gateway.store.tables import ConversationRow, PathRow, TurnRow
from kernel_gateway.turns.outcome import key_of

API = "/api/v1"


def path_url(key: PathKey) -> str:
    """Return the address of a path."""
    return f"{API}/conversations/{key.conversation}/paths/{key.path}"


def conversation_to_json(row: ConversationRow, paths: Sequence[str]) -> dict[str, Any]:
    """Render a conversation with the names of its paths."""
    return {
        "id": row.id,
        "title": row.title,
        "created_at": row.created_at,
        "user": row.user,
        "paths": list(paths),
    }


def path_to_json(row: PathRow) -> dict[str, Any]:
    """Render a path."""
    return {
        "name": row.name,
        "title": row.title,
        "source_path": row.source_path,
        "source_turn_id": row.source_turn,
        "created_at": row.created_at,
        "merged_into": row.merged_into,
        "merged_at": row.merged_at,
    }


def context_to_json(context: ExecutionContext) -> dict[str, Any]:
    """Render an execution context; times as seconds since the epoch."""
    return {
        "id": context.id,
        "conversation": context.key.conversation,
        "path": context.key.path,
        "status": context.status,
        "created_at": context.created_at,
        "last_used_at": context.last_used_at,
        "expires_at": context.expires_at,
        "error": context.error,
        "resource_usage": dict(context.resource_usage),
    }


def file_to_json(file: WorkspaceFile, key: PathKey) -> dict[str, Any]:
    """Render a workspace file with its download address."""
    url = f"{path_url(key)}/files/{quote(file.name)}"
    return {"name": file.name, "size": file.size, "url": url}


async def turn_to_json(row: TurnRow, services: Services) -> dict[str, Any]:
    """Render the state of a turn: result, permission required, error, or running."""
    common: dict[str, Any] = {
        "conversation": row.conversation,
        "path": row.path,
        "turn": row.id,
        "status": row.status,
    }
    if row.status == "waiting":
        permission = await services.repository.permissions.pending(row.tenant, row.id)
        if permission is not None:
            facts = {**permission.request, "expires_at": permission.expires_at}
            facts["reply_to"] = f"{API}/permissions/{permission.id}"
            poll = f"{API}/turns/{row.id}"
            return {"kind": "permission_required", **common, "permission": facts, "poll": poll}
    if row.error is not None:
        return {"kind": "error", **common, **row.error, "result": row.result}
    if row.status != "ok":
        return {"kind": "error" if row.finished_at else "running", **common}
    key = key_of(row)
    opened = await services.contexts.open(key)
    outputs = await asyncio.to_thread(opened.workspace.files, OUTPUTS)
    files = [file_to_json(file, key) for file in outputs]
    notebook = f"{path_url(key)}/notebook"
    return {"kind": "result", **common, **(row.result or {}), "files": files, "notebook": notebook}


def turn_summary(row: TurnRow) -> dict[str, Any]:
    """Render a turn in a list."""
    return {
        "id": row.id,
        "kind": row.kind,
        "request": row.request,
        "status": row.status,
        "user": row.user,
        "created_at": row.created_at,
        "finished_at": row.finished_at,
        "rating": row.rating,
    }
