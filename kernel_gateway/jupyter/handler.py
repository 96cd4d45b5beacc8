"""The base of the Jupyter-compatible handlers.

Source: jupyter_server's REST API specification (``services/api/api.yaml``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from kernel_gateway.errors import NotFound
from kernel_gateway.http.json_handler import JsonHandler
from kernel_gateway.http.problems import Problem
from kernel_gateway.ids import PathKey

KERNEL_NAME = "tallybook-python"
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class JupyterHandler(JsonHandler):
    """Accepts the token in the query too, and renders errors as Jupyter's clients expect them."""

    query_token: ClassVar[bool] = True

    def problem_body(self, problem: Problem) -> dict[str, Any]:
        """Add the ``message`` and ``reason`` that Jupyter's clients read."""
        return {**problem.body(), "message": problem.message, "reason": problem.hint}

    async def kernel_key(self, kernel_id: str) -> PathKey:
        """Return the path of a live kernel, by kernel id.

        Raises:
            NotFound: The tenant has no such live kernel.
        """
        key = await find_kernel(self, kernel_id)
        self.about = key.conversation
        if key not in await self.services.contexts.live_keys(key.tenant):
            raise NotFound("kernel", kernel_id)
        return key

    async def own_kernels(self) -> Mapping[PathKey, str]:
        """Return the live kernels of the caller's conversations: paths and kernel ids.

        Other users' kernels are left out: Jupyter's clients offer to shut down all listed ones.
        """
        who, services = self.identity, self.services
        keys = await services.contexts.live_keys(who.tenant)
        return await services.repository.jupyter.kernel_ids(keys, who.user)

    async def kernel_model(self, key: PathKey, kernel_id: str) -> dict[str, Any]:
        """Return Jupyter's model of a kernel."""
        kernel_channels = self.services.channels.known(key)
        context = await self.services.contexts.context(key)
        return {
            "id": kernel_id,
            "name": KERNEL_NAME,
            "last_activity": iso(context.last_used_at if context else 0.0),
            "execution_state": kernel_channels.execution_state if kernel_channels else "idle",
            "connections": kernel_channels.connections if kernel_channels else 0,
        }


async def find_kernel(handler: Any, kernel_id: str) -> PathKey:
    """Return the path of a kernel id of the caller's tenant; `NotFound` for any other."""
    if not _UUID.fullmatch(kernel_id):
        raise NotFound("kernel", kernel_id)
    key: PathKey = await handler.services.repository.jupyter.path_of(
        handler.identity.tenant, kernel_id
    )
    return key


def iso(seconds: float) -> str:
    """Return a time in seconds since the epoch as Jupyter writes it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
