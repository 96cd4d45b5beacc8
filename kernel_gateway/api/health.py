"""Health, and the page a person sees."""

from __future__ import annotations

from importlib import resources

from kernel_gateway import __version__
from kernel_gateway.api import models
from kernel_gateway.api.json_handler import JsonHandler
from kernel_gateway.api.operations import operation
from kernel_gateway.auth import COOKIE
from kernel_gateway.errors import NotFound

PAGES = {
    "": ("index.html", "text/html; charset=utf-8"),
    "app.js": ("app.js", "text/javascript; charset=utf-8"),
    "app.css": ("app.css", "text/css; charset=utf-8"),
}


class HealthHandler(JsonHandler):
    """``/health``: whether the service can do its work; open to all, so without details."""

    public = True

    @operation("Whether the service works", returns={200: models.Health, 503: models.Health})
    async def get(self) -> None:
        services = self.services
        ready = services.host.sandbox
        self.write_json(
            200 if ready else 503,
            {
                "status": "ok" if ready else "degraded",
                "version": __version__,
                "sandbox": services.host.sandbox,
                "limits": services.host.limits,
                "model": services.model_name,
                "kernels": services.contexts.live_kernels(),
            },
        )


class PageHandler(JsonHandler):
    """``/``: the page. The address with the token sets a cookie and leaves the URL clean."""

    public = True

    async def get(self, name: str) -> None:
        if (token := self.get_query_argument("token", None)) is not None:
            await self.services.authenticator.identify(token)
            self.set_cookie(COOKIE, token, httponly=True, samesite="Strict", expires_days=30)
            self.redirect("/")
            return
        if name not in PAGES:
            raise NotFound("address", self.request.path)
        await self.check_caller()
        file, kind = PAGES[name]
        self.set_header("Content-Type", kind)
        self.finish((resources.files("kernel_gateway.static") / file).read_bytes())
