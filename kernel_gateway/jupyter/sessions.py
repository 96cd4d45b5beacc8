"""``/api/sessions``: a document and the kernel it uses."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from kernel_gateway.errors import BadRequest, NotFound
from kernel_gateway.http.operations import operation
from kernel_gateway.http.schemas.responses import jupyter as models
from kernel_gateway.jupyter.handler import JupyterHandler
from kernel_gateway.jupyter.kernels import end_kernel, start_kernel
from kernel_gateway.jupyter.kernelspecs import check_kernel_name
from kernel_gateway.store.tables import JupyterSessionRow


class KernelOfSession(BaseModel):
    """Which kernel: an id, or a kernelspec's name to start one."""

    model_config = ConfigDict(extra="ignore")
    id: str | None = None
    name: str | None = None


class SessionBody(BaseModel):
    """``POST`` and ``PATCH /api/sessions``."""

    model_config = ConfigDict(extra="ignore")
    path: str | None = Field(None, max_length=1000)
    name: str | None = Field(None, max_length=1000)
    type: str | None = Field(None, max_length=100)
    kernel: KernelOfSession | None = None


class _SessionHandler(JupyterHandler):
    async def session_model(self, row: JupyterSessionRow) -> dict[str, Any]:
        """Return Jupyter's model of a session."""
        key = await self.kernel_key(row.kernel_id)
        model = {
            "id": row.id,
            "path": row.path,
            "name": row.name,
            "type": row.type,
            "kernel": await self.kernel_model(key, row.kernel_id),
        }
        if row.type == "notebook":
            model["notebook"] = {"path": row.path, "name": row.name}
        return model

    async def own_rows(self) -> Sequence[JupyterSessionRow]:
        """Return the caller's sessions: two users may have documents of the same name."""
        who = self.identity
        return await self.services.repository.jupyter.sessions(who.tenant, who.user)

    async def kernel_for(self, body: SessionBody) -> tuple[str, str]:
        """Return conversation and kernel id of the kernel *body* asks for; start it if needed."""
        wanted = body.kernel or KernelOfSession()
        if wanted.id is not None:
            return (await self.kernel_key(wanted.id)).conversation, wanted.id
        check_kernel_name(wanted.name)
        key, kernel_id = await start_kernel(self, body.path or body.name or "Jupyter")
        return key.conversation, kernel_id


class SessionsHandler(_SessionHandler):
    """``/api/sessions``: list, create."""

    @operation("Jupyter: list the sessions", returns={200: models.JupyterSessions})
    async def get(self) -> None:
        models = []
        for row in await self.own_rows():
            try:
                models.append(await self.session_model(row))
            except NotFound:  # its kernel has expired
                await self.services.repository.jupyter.remove_sessions(
                    row.tenant, session_id=row.id
                )
        self.write_json(200, models)

    @operation("Jupyter: create a session", body=SessionBody, returns={201: models.JupyterSession})
    async def post(self) -> None:
        body = self.json_body(SessionBody)
        if body.path is None:
            raise BadRequest("Field path: the session's document is missing.")
        for row in await self.own_rows():
            if row.path == body.path and (body.kernel is None or body.kernel.id is None):
                try:
                    self.write_json(201, await self.session_model(row))
                except NotFound:
                    continue
                return
        conversation, kernel_id = await self.kernel_for(body)
        row = JupyterSessionRow(
            id=str(uuid.uuid4()),
            tenant=self.identity.tenant,
            conversation=conversation,
            kernel_id=kernel_id,
            path=body.path,
            name=body.name or "",
            type=body.type or "notebook",
        )
        await self.services.repository.jupyter.add_session(row)
        self.set_header("Location", f"/api/sessions/{row.id}")
        self.write_json(201, await self.session_model(row))


class SessionHandler(_SessionHandler):
    """``/api/sessions/{id}``: read, change, end."""

    async def _row(self, session_id: str) -> JupyterSessionRow:
        return await self.services.repository.jupyter.session(self.identity.tenant, session_id)

    @operation("Jupyter: look at a session", returns={200: models.JupyterSession})
    async def get(self, session_id: str) -> None:
        self.write_json(200, await self.session_model(await self._row(session_id)))

    @operation("Jupyter: change a session", body=SessionBody, returns={200: models.JupyterSession})
    async def patch(self, session_id: str) -> None:
        row, body = await self._row(session_id), self.json_body(SessionBody)
        changes = body.model_dump(include={"path", "name", "type"}, exclude_none=True)
        if body.kernel is not None:
            changes["conversation"], changes["kernel_id"] = await self.kernel_for(body)
        if changes:
            await self.services.repository.jupyter.change_session(row.tenant, row.id, changes)
        self.write_json(200, await self.session_model(await self._row(session_id)))

    @operation("Jupyter: end a session and its kernel", returns={204: None})
    async def delete(self, session_id: str) -> None:
        row = await self._row(session_id)
        await self.services.repository.jupyter.remove_sessions(row.tenant, session_id=row.id)
        try:
            key = await self.kernel_key(row.kernel_id)
        except NotFound:
            pass
        else:
            await end_kernel(self, key, row.kernel_id)
        self.set_status(204)
        self.finish()
