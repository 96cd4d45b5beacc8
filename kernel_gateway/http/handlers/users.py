"""Data rights: export everything about a user as a zip, or delete the user."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import ClassVar

from kernel_gateway.cluster.asking import ask_node
from kernel_gateway.errors import NodeUnreachable
from kernel_gateway.http.json_handler import JsonHandler
from kernel_gateway.http.operations import operation
from kernel_gateway.http.schemas.responses import service as models


class MeHandler(JsonHandler):
    """``/me``: who is calling, and what they may do."""

    @operation("Who is calling, and what they may do", returns={200: models.Me})
    async def get(self) -> None:
        who = self.identity
        ends = None if who.expires is None else datetime.fromtimestamp(who.expires, UTC).isoformat()
        self.write_json(
            200,
            {
                "tenant": who.tenant,
                "user": who.user,
                "roles": sorted(who.roles),
                "scopes": sorted(who.scopes),
                "expires_at": ends,
            },
        )


class UserHandler(JsonHandler):
    """``/users/{u}``: delete a user."""

    scopes: ClassVar = {"DELETE": "admin"}

    @operation(
        "Delete a user: their conversations, grants, name", returns={200: models.RemovedUser}
    )
    async def delete(self, user: str) -> None:

        async def remove_elsewhere(url: str, conversation: str) -> None:
            address = f"/api/v1/conversations/{conversation}"
            response = await ask_node(url, self.request, "DELETE", address)
            if response.code not in (200, 404):  # 404: it was deleted meanwhile
                raise NodeUnreachable(url)

        removed = await self.services.data_rights.remove_user(
            self.identity.tenant, user, self.identity.user, remove_elsewhere
        )
        self.write_json(200, {"user": user, "removed_conversations": removed})


class UserExportHandler(JsonHandler):
    """``/users/{u}/export``: everything about a user; for another user, admin is needed."""

    @operation(
        "Download everything about a user; others' needs admin", returns={200: "application/zip"}
    )
    async def get(self, user: str) -> None:
        who = self.identity
        if user != who.user:
            who.check("admin")
        file = await self.services.data_rights.export_user(who.tenant, user)
        await self.services.repository.audit.add(who.tenant, who.user, "user.exported", user)
        with file:
            await self.send_file(file, "application/zip", f"tallybook-{user}.zip")
