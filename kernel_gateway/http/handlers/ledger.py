"""The signed record: public keys, verification, sign-off."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any, ClassVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from kernel_gateway.contexts.open_path import OpenPath
from kernel_gateway.errors import BadRequest
from kernel_gateway.http.json_handler import JsonHandler
from kernel_gateway.http.operations import operation
from kernel_gateway.http.schemas.requests import SignOffRequest
from kernel_gateway.http.schemas.responses import notebooks as models
from kernel_gateway.ids import PathKey
from kernel_gateway.store.audit import audit_line
from kernel_gateway.turns.recorded import KINDS, announce
from notebooks.ledger.cross_check import announced_from_json, cross_check
from notebooks.ledger.report import VerifyReport, report_to_json
from notebooks.ledger.review import NOTE, review_facts, review_text
from notebooks.ledger.signing import public_key
from notebooks.ledger.verify import verify_bytes
from notebooks.record.chain import facts_of
from notebooks.record.reading import parse_notebook

SIGNED = "notebook.signed-off"


class KeysHandler(JsonHandler):
    """``/api/v1/keys``: the public keys that verify this service's notebooks; for everybody."""

    public = True

    @operation("The public keys that verify notebooks", returns={200: models.PublicKeys})
    async def get(self) -> None:
        keys = self.services.signing_keys.published()
        self.write_json(200, {"keys": [{"algorithm": "ed25519", **asdict(key)} for key in keys]})


class VerificationHandler(JsonHandler):
    """``…/notebook/verification``: the notebook against its signatures and the audit list."""

    @operation("Verify the notebook", returns={200: models.Verification})
    async def get(self, conversation_id: str, path: str) -> None:
        key = await self.path_key(conversation_id, path)
        opened = await self.services.contexts.open(key)
        content = await opened.recorder.content()
        # Not the files: a cell may be replacing them by links just now.
        report = await asyncio.to_thread(verify_bytes, content, self._keys())
        report = await self._cross_checked(key, opened, content, report)
        self.write_json(200, report_to_json(report))

    def _keys(self) -> Mapping[str, Ed25519PublicKey]:
        published = self.services.signing_keys.published()
        return {k.id: pem for k in published if (pem := public_key(k.public_key)) is not None}

    async def _cross_checked(
        self, key: PathKey, opened: OpenPath, content: bytes, report: VerifyReport
    ) -> VerifyReport:
        """Add what only the database can tell to *report*."""
        if not report.cells:
            return report
        rows = await self.services.repository.events.in_conversation(
            key.tenant, key.conversation, KINDS, '"recorded"'
        )
        announced, elsewhere = [], set()
        for path, data in rows:
            entries = [announced_from_json(e) for e in json.loads(data).get("recorded") or ()]
            if path == key.path:
                announced += entries
            else:
                elsewhere |= {entry.hash for entry in entries}
        cells = (await asyncio.to_thread(parse_notebook, content)).cells
        found = cross_check(
            cells,
            announced,
            elsewhere=elsewhere,
            pending=await self._pending(key, opened, cells),
            by="key" if report.verified and report.signature.valid else "file",
        )
        return replace(report, problems=(*report.problems, *found))

    async def _pending(self, key: PathKey, opened: OpenPath, cells: Any) -> set[str]:
        """Return the ids of the cells whose hashes are not stored yet: their turn has not ended."""
        going = {
            row.id
            for row in await self.services.repository.turns.of_path(key)
            if row.finished_at is None
        }
        fresh = {str(entry["cell"]) for entry in opened.recorder.unannounced()}
        return fresh | {str(cell.id) for cell in cells if facts_of(cell).get("turn") in going}


class SignOffHandler(JsonHandler):
    """``…/notebook/sign-off``: a reviewer's entry in the notebook, signed by the service."""

    scopes: ClassVar = {"POST": "review"}

    @operation("Sign a notebook off", body=SignOffRequest, returns={201: models.SignedOff})
    async def post(self, conversation_id: str, path: str) -> None:
        body = self.json_body(SignOffRequest)
        if body.kind == NOTE and not body.note.strip():
            raise BadRequest("A review-note needs a note.")
        key = await self.path_key(conversation_id, path, to_change=True)
        opened = await self.services.contexts.open(key)
        user = self.identity.user
        facts = {"turn": None, **review_facts(body.kind, user, body.note)}
        text = review_text(body.kind, user, facts["at"], facts["note"])
        await opened.recorder.note(text, facts)
        head, count = opened.recorder.head, len(opened.recorder.cells)
        line = audit_line(
            key.tenant, user, SIGNED, key.path, key.conversation, kind=body.kind, head=head
        )
        await announce(self.services.events, opened, add=(line,))
        self.write_json(201, {"kind": body.kind, "user": user, "cell": count, "head": head})
