"""``/preferences``: what the caller prefers: list, state, change, delete."""

from __future__ import annotations

from typing import Any

from kernel_gateway.errors import NotFound
from kernel_gateway.http.json_handler import JsonHandler
from kernel_gateway.http.operations import operation
from kernel_gateway.http.schemas.preferences import PreferenceBody, PreferenceReply, Preferences
from kernel_gateway.http.schemas.responses import conversations as models
from kernel_gateway.ids import is_id
from kernel_gateway.store.tables import PreferenceRow


class PreferencesHandler(JsonHandler):
    """The caller's preferences."""

    @operation("List one's preferences", returns={200: Preferences})
    async def get(self) -> None:
        who = self.identity
        rows = await self.services.repository.learned.preferences(who.tenant, who.user)
        self.write_json(200, {"preferences": [_preference(row) for row in rows]})

    @operation("State a preference", body=PreferenceBody, returns={201: PreferenceReply})
    async def post(self) -> None:
        who, text = self.identity, _text(self.json_body(PreferenceBody))
        row = await self.services.repository.learned.add(who.tenant, who.user, text)
        self.write_json(201, _preference(row))


class PreferenceHandler(JsonHandler):
    """One of the caller's preferences."""

    @operation(
        "Change a preference; it counts as stated",
        body=PreferenceBody,
        returns={200: PreferenceReply},
    )
    async def patch(self, preference: str) -> None:
        who, text = self.identity, _text(self.json_body(PreferenceBody))
        rows = self.services.repository.learned
        row = await rows.change(who.tenant, who.user, _known(preference), text)
        self.write_json(200, _preference(row))

    @operation("Delete a preference", returns={200: models.Deleted})
    async def delete(self, preference: str) -> None:
        who = self.identity
        await self.services.repository.learned.remove(who.tenant, who.user, _known(preference))
        self.write_json(200, {"id": preference, "deleted": True})


def _text(body: PreferenceBody) -> str:
    return " ".join(body.text.split())


def _known(preference: str) -> str:
    if not is_id(preference):
        raise NotFound("preference", preference)
    return preference


def _preference(row: PreferenceRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "text": row.text,
        "origin": row.origin,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }
