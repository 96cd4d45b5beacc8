"""``/api/kernels`` and ``/api/kernelspecs``."""

from __future__ import annotations

import uuid

from pydantic import BaseModel, ConfigDict, Field

from kernel_gateway.http.operations import operation
from kernel_gateway.http.schemas.responses import jupyter as models
from kernel_gateway.ids import MAIN_PATH, PathKey
from kernel_gateway.jupyter.handler import KERNEL_NAME, JupyterHandler
from kernel_gateway.jupyter.kernelspecs import check_kernel_name, kernelspecs
from kernel_gateway.turns.recorded import announce

GRACE_SECONDS = 0.5


class StartKernel(BaseModel):
    """``POST /api/kernels``; other fields Jupyter's clients send are not used."""

    model_config = ConfigDict(extra="ignore")
    name: str | None = None
    path: str | None = Field(None, max_length=1000)


async def start_kernel(handler: JupyterHandler, title: str) -> tuple[PathKey, str]:
    """Start a kernel in a new conversation; return its path and its kernel id."""
    services, who = handler.services, handler.identity
    kernel_id = str(uuid.uuid4())
    row = await services.repository.conversations.add(
        who.tenant, who.user, title[:200], action="kernel.started", kernel_id=kernel_id
    )
    key = PathKey(who.tenant, row.id, MAIN_PATH)
    try:
        await services.contexts.get_or_create(key)
        await services.channels.get(key)
    except BaseException:  # don't leave an empty conversation behind
        await services.data_rights.remove_conversation(who.tenant, row.id, who.user)
        raise
    return key, kernel_id


class KernelSpecsHandler(JupyterHandler):
    """``/api/kernelspecs``."""

    @operation("Jupyter: list the kernelspecs", returns={200: models.JupyterObject})
    async def get(self) -> None:
        self.write_json(200, kernelspecs(self.services.settings.backend))


class KernelSpecHandler(JupyterHandler):
    """``/api/kernelspecs/{name}``."""

    @operation("Jupyter: look at a kernelspec", returns={200: models.JupyterObject})
    async def get(self, name: str) -> None:
        known = kernelspecs(self.services.settings.backend)["kernelspecs"]
        if name not in known:
            check_kernel_name(name)
        self.write_json(200, known.get(name, known[KERNEL_NAME]))


class KernelsHandler(JupyterHandler):
    """``/api/kernels``: list the caller's kernels, start one."""

    @operation("Jupyter: list the kernels", returns={200: models.Kernels})
    async def get(self) -> None:
        ids = await self.own_kernels()
        self.write_json(200, [await self.kernel_model(key, ids[key]) for key in ids])

    @operation("Jupyter: start a kernel", body=StartKernel, returns={201: models.Kernel})
    async def post(self) -> None:
        body = self.json_body(StartKernel)
        check_kernel_name(body.name)
        key, kernel_id = await start_kernel(self, body.path or "Jupyter")
        self.set_header("Location", f"/api/kernels/{kernel_id}")
        self.write_json(201, await self.kernel_model(key, kernel_id))


class KernelHandler(JupyterHandler):
    """``/api/kernels/{id}``: look at a kernel, end it. Its files and notebook stay."""

    @operation("Jupyter: look at a kernel", returns={200: models.Kernel})
    async def get(self, kernel_id: str) -> None:
        key = await self.kernel_key(kernel_id)
        self.write_json(200, await self.kernel_model(key, kernel_id))

    @operation("Jupyter: end a kernel", returns={204: None})
    async def delete(self, kernel_id: str) -> None:
        key = await self.kernel_key(kernel_id)
        await end_kernel(self, key, kernel_id)
        self.set_status(204)
        self.finish()


async def end_kernel(handler: JupyterHandler, key: PathKey, kernel_id: str) -> None:
    """End a kernel, its queued requests, its channels and its sessions."""
    services = handler.services
    if (kernel_channels := services.channels.known(key)) is not None:
        kernel_channels.abort_waiting()  # queued requests would start it again
    # The last cell may still be being recorded although the client has its reply.
    await services.turns.stop(key, GRACE_SECONDS)
    await services.contexts.terminate(key)
    await services.channels.forget(key)
    await services.repository.jupyter.remove_sessions(key.tenant, kernel_id=kernel_id)


class InterruptHandler(JupyterHandler):
    """``/api/kernels/{id}/interrupt``."""

    @operation("Jupyter: interrupt a kernel", returns={204: None})
    async def post(self, kernel_id: str) -> None:
        key = await self.kernel_key(kernel_id)
        await (await self.services.channels.get(key)).interrupt()
        self.set_status(204)
        self.finish()


class RestartHandler(JupyterHandler):
    """``/api/kernels/{id}/restart``: a new, empty kernel with the old one's id."""

    @operation("Jupyter: restart a kernel", returns={200: models.Kernel})
    async def post(self, kernel_id: str) -> None:
        key = await self.kernel_key(kernel_id)
        await (await self.services.channels.get(key)).interrupt()
        await self.services.turns.stop(key)
        await self.services.contexts.restart(key, self.identity.user)
        await announce(self.services.events, await self.services.contexts.open(key))
        self.write_json(200, await self.kernel_model(key, kernel_id))
