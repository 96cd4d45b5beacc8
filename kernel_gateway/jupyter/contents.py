"""``/api/contents``: the recorded notebooks, read-only; and ``/api``, its status and user."""

from __future__ import annotations

import asyncio
from typing import Any

from kernel_gateway import __version__
from kernel_gateway.errors import BadRequest, MethodNotAllowed, NotFound
from kernel_gateway.http.operations import Query, operation
from kernel_gateway.http.schemas.responses import jupyter as models
from kernel_gateway.jupyter.handler import JupyterHandler, iso
from notebooks.record.reading import read_notebook

LISTED = 200
CONTENT_QUERY = (
    Query(
        name="content",
        schema={"type": "integer", "minimum": 0, "maximum": 1},
        help="0 leaves the content out.",
    ),
)
SUFFIX = ".ipynb"


def _model(kind: str, path: str, when: str, content: Any, **other: Any) -> dict[str, Any]:
    return {
        "name": path.rpartition("/")[2],
        "path": path,
        "type": kind,
        "writable": False,
        "created": when,
        "last_modified": when,
        "size": None,
        "mimetype": None,
        "content": content,
        "format": "json" if content is not None else None,
        **other,
    }


class ContentsHandler(JupyterHandler):
    """``/api/contents/CONVERSATION/PATH.ipynb``: read-only."""

    @operation(
        "Jupyter: look at the recorded notebooks; nothing here can be written",
        query=CONTENT_QUERY,
        returns={200: models.JupyterObject},
    )
    async def get(self, path: str = "") -> None:
        wanted = self.get_query_argument("content", "1")
        if wanted not in ("0", "1"):
            raise BadRequest(f"content={wanted[:20]!r} is neither 0 nor 1.")
        parts = [part for part in path.split("/") if part]
        if len(parts) > 2:
            raise NotFound("file", path)
        model = await (self._root, self._conversation, self._notebook)[len(parts)](*parts)
        if wanted == "0":
            model |= {"content": None, "format": None}
        self.write_json(200, model)

    async def _root(self) -> dict[str, Any]:
        rows = await self.services.repository.conversations.of(self.identity.tenant, None, LISTED)
        listed = [_model("directory", row.id, row.created_at, None) for row in rows]
        return _model("directory", "", rows[0].created_at if rows else iso(0), listed)

    async def _conversation(self, conversation: str) -> dict[str, Any]:
        row = await self.conversation(conversation)
        paths = await self.services.repository.conversations.paths(row.tenant, row.id)
        listed = [
            _model("notebook", f"{row.id}/{path.name}{SUFFIX}", path.created_at, None)
            for path in paths
        ]
        return _model("directory", row.id, row.created_at, listed)

    async def _notebook(self, conversation: str, name: str) -> dict[str, Any]:
        if not name.endswith(SUFFIX):
            raise NotFound("file", f"{conversation}/{name}")
        key = await self.path_key(conversation, name.removesuffix(SUFFIX))
        opened = await self.services.contexts.open(key)
        await opened.recorder.write()
        changed = iso(opened.recorder.file.stat().st_mtime)
        content = await asyncio.to_thread(read_notebook, opened.recorder.file)
        return _model("notebook", f"{conversation}/{name}", changed, content)

    def _refuse(self) -> None:
        raise MethodNotAllowed(self.request.method or "?", self.request.path)

    async def put(self, path: str = "") -> None:
        self._refuse()

    async def post(self, path: str = "") -> None:
        self._refuse()

    async def patch(self, path: str = "") -> None:
        self._refuse()

    async def delete(self, path: str = "") -> None:
        self._refuse()


class CheckpointsHandler(JupyterHandler):
    """``/api/contents/…/checkpoints``: always empty."""

    async def get(self, path: str) -> None:
        self.write_json(200, [])


class VersionHandler(JupyterHandler):
    """``/api``: the version; public, as in Jupyter."""

    public = True

    @operation("Jupyter: the version", returns={200: models.JupyterObject})
    async def get(self, _: str = "") -> None:
        self.write_json(200, {"version": __version__})


class StatusHandler(JupyterHandler):
    """``/api/status``."""

    @operation("Jupyter: connections and kernels", returns={200: models.JupyterObject})
    async def get(self) -> None:
        keys = await self.own_kernels()
        channels = [self.services.channels.known(key) for key in keys]
        self.write_json(
            200,
            {
                "started": iso(self.services.started),
                "last_activity": iso(self.services.started),
                "connections": sum(
                    kernel_channels.connections for kernel_channels in channels if kernel_channels
                ),
                "kernels": len(keys),
            },
        )


class MeHandler(JupyterHandler):
    """``/api/me``: who is calling."""

    @operation("Jupyter: who is calling", returns={200: models.JupyterObject})
    async def get(self) -> None:
        who = self.identity
        identity = {
            "username": who.user,
            "name": who.user,
            "display_name": who.user,
            "initials": who.user[:2].upper(),
            "avatar_url": None,
            "color": None,
        }
        self.write_json(200, {"identity": identity, "permissions": {}})
