"""Handlers for admins and schedulers."""

from __future__ import annotations

import hmac
from typing import ClassVar

from kernel_gateway.http.json_handler import JsonHandler
from kernel_gateway.http.operations import operation
from kernel_gateway.http.schemas.requests import CleanupRequest
from kernel_gateway.http.schemas.responses import service as models
from kernel_gateway.identity.auth import LOCAL

CRON_HEADER = "X-Cron-Secret"


class CleanupHandler(JsonHandler):
    """``/admin/cleanup``: end expired contexts, delete conversations past their retention."""

    scopes: ClassVar = {"POST": "admin"}

    async def check_caller(self) -> None:
        """Accept a scheduler's secret instead of a token."""
        secret = self.services.settings.cron_secret
        given = self.request.headers.get(CRON_HEADER)
        if secret and given and hmac.compare_digest(given.encode(), secret.encode()):
            self.identity = LOCAL
            return
        await super().check_caller()

    @operation(
        "End expired contexts, delete what is past its retention",
        body=CleanupRequest,
        returns={200: models.Cleanup},
    )
    async def post(self) -> None:
        body = self.json_body(CleanupRequest)
        done = await self.services.clean_up.run(body.limit)
        self.write_json(
            200,
            {
                "ended": done.ended,
                "failed": done.failed,
                "removed_conversations": done.removed,
                "removed_uploads": done.uploads,
            },
        )
