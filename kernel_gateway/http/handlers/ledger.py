"""The signed record: public keys, verification, sign-off."""

from __future__ import annotations

from dataclasses import asdict

from kernel_gateway.http.json_handler import JsonHandler
from kernel_gateway.http.operations import operation
from kernel_gateway.http.schemas import responses as models


class KeysHandler(JsonHandler):
    """``/api/v1/keys``: the public keys that verify this service's notebooks; for everybody."""

    public = True

    @operation("The public keys that verify notebooks", returns={200: models.PublicKeys})
    async def get(self) -> None:
        keys = self.services.signing_keys.published()
        self.write_json(200, {"keys": [{"algorithm": "ed25519", **asdict(key)} for key in keys]})
