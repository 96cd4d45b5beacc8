"""Health, readiness, metrics."""

from __future__ import annotations

import shutil
from typing import ClassVar

from prometheus_client import CONTENT_TYPE_LATEST

from kernel_gateway import __version__
from kernel_gateway.errors import DatabaseUnavailable
from kernel_gateway.http.json_handler import JsonHandler
from kernel_gateway.http.operations import operation
from kernel_gateway.http.schemas.responses import service as models

FREE_BYTES = 100_000_000


class HealthHandler(JsonHandler):
    """``/health``: whether the service works; public, so without details."""

    public = True

    @operation("Whether the service works", returns={200: models.Health, 503: models.Health})
    async def get(self) -> None:
        services, settings = self.services, self.services.settings
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
                "upload_limit_bytes": int(settings.upload_limit_mb * 1_000_000),
                "retention": {
                    "conversation_days": settings.retention_days,
                    "checkpoint_days": settings.checkpoint_days,
                    "checkpoints": settings.checkpoints,
                    "kernel_idle_seconds": settings.context_ttl_seconds,
                },
            },
        )


class ReadyHandler(JsonHandler):
    """``/ready``: whether the service takes new turns; a failed check says what is wrong."""

    public = True

    @operation("Whether new requests are taken", returns={200: models.Ready, 503: models.Ready})
    async def get(self) -> None:
        services = self.services
        checks = {
            "sandbox": "ok" if services.host.sandbox else services.host.reason,
            "turns": "the service is being stopped" if services.turns.draining else "ok",
            "database": await self._database(),
            "disk": self._disk(),
        }
        ready = set(checks.values()) == {"ok"}
        self.write_json(200 if ready else 503, {"ready": ready, "checks": checks})

    async def _database(self) -> str:
        try:
            await self.services.repository.turns.unfinished()
        except DatabaseUnavailable:
            return "the database does not answer"
        return "ok"

    def _disk(self) -> str:
        free = shutil.disk_usage(self.services.settings.data_dir).free
        return "ok" if free >= FREE_BYTES else f"{free // 1_000_000} MB are free"


class MetricsHandler(JsonHandler):
    """``/metrics``: numbers for Prometheus."""

    scopes: ClassVar = {"GET": "audit"}

    async def check_caller(self) -> None:
        """Require no token if the setting makes metrics public."""
        if not self.services.settings.metrics_public:
            await super().check_caller()

    @operation("Numbers for Prometheus", returns={200: "text/plain"})
    async def get(self) -> None:
        self.set_header("Content-Type", CONTENT_TYPE_LATEST)
        self.finish(self.services.telemetry.text())
