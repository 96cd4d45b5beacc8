"""Rows to JSON."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from container.workspace import OUTPUTS, WorkspaceFile
from kernel_gateway.services import Services
from kernel_gateway.store.tables import ConversationRow, TurnRow

API = "/api/v1"


def path_url(conversation: str, path: str) -> str:
    """Return the address of a path."""
    return f"{API}/conversations/{conversation}/paths/{quote(path)}"


def conversation_to_json(row: ConversationRow) -> dict[str, Any]:
    """Render a conversation."""
    return {
        "id": row.id,
        "title": row.title,
        "created_at": row.created_at,
        "paths": ["main"],
    }


def file_to_json(file: WorkspaceFile, conversation: str, path: str) -> dict[str, Any]:
    """Render a workspace file with the address to download it from."""
    url = f"{path_url(conversation, path)}/files/{quote(file.name)}"
    return {"name": file.name, "size": file.size, "url": url}


async def turn_to_json(row: TurnRow, services: Services) -> dict[str, Any]:
    """Render where a turn stands: result, permission required, error, or running."""
    common: dict[str, Any] = {
        "conversation": row.conversation,
        "path": row.path,
        "turn": row.id,
        "status": row.status,
    }
    if row.status == "waiting":
        permission = await services.repository.pending_permission(row.id)
        if permission is not None:
            facts = {**permission.request, "expires_at": permission.expires_at}
            facts["reply_to"] = f"{API}/permissions/{permission.id}"
            poll = f"{API}/turns/{row.id}"
            return {"kind": "permission_required", **common, "permission": facts, "poll": poll}
    if row.error is not None:
        return {"kind": "error", **common, **row.error, "result": row.result}
    if row.status != "ok":
        return {"kind": "error" if row.finished_at else "running", **common}
    context = await services.contexts.get_or_create(row.conversation, row.path)
    files = [
        file_to_json(file, row.conversation, row.path) for file in context.workspace.files(OUTPUTS)
    ]
    notebook = f"{path_url(row.conversation, row.path)}/notebook"
    return {"kind": "result", **common, **(row.result or {}), "files": files, "notebook": notebook}
