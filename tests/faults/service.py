"""A `tallybook serve` process that tests start, stop and kill."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from container.shim.client import LivingKernel, living_kernels
from kernel_gateway.terminal.client import GatewayClient, path_url
from tests.conftest import Conversation
from tests.faults.starter import ServiceProcess


class Service:
    """A `tallybook serve` process of its own, on a data directory that outlives it."""

    def __init__(self, data_dir: Path, standin, keep_seconds: float, **settings: str) -> None:
        self.data_dir, self.standin, self.keep_seconds = data_dir, standin, keep_seconds
        self.settings = settings
        self.process: ServiceProcess | None = None
        self.client: GatewayClient | None = None
        self.url = ""
        self.headers: dict[str, str] = {}

    async def start(self) -> GatewayClient:
        environment = {
            **os.environ,
            "GEMINI_API_KEY": "k",
            "TALLYBOOK_MODEL_BASE_URL": self.standin.base_url,
            "TALLYBOOK_KEEP_KERNELS_SECONDS": str(self.keep_seconds),
            "PYTHONUNBUFFERED": "1",
            **{f"TALLYBOOK_{name.upper()}": value for name, value in self.settings.items()},
        }
        arguments = ["serve", "--port", "0", "--data-dir", str(self.data_dir)]
        self.process = await asyncio.to_thread(ServiceProcess, arguments, environment, self.log)
        self.url = ""
        while not self.url:
            line = await asyncio.to_thread(self.process.stdout.readline)
            assert line, f"the service ended before it listened: {self.log.read_text()[-3000:]}"
            if line.startswith("Open:"):
                self.url, _, token = line.split()[1].partition("/?token=")
        self.headers = {"Authorization": f"Bearer {token}"}
        self.client = GatewayClient(self.url, token)
        return self.client

    @property
    def log(self) -> Path:
        """What the service says on standard error."""
        self.data_dir.parent.mkdir(parents=True, exist_ok=True)
        return self.data_dir.parent / f"{self.data_dir.name}.log"

    def home(self, conversation_id: str) -> Path:
        """Return where the main path of a conversation keeps its notebook and files."""
        return self.data_dir / "conversations" / conversation_id / "main"

    async def converse(self, conversation_id: str | None = None, after: int = 0) -> Conversation:
        """Connect to a conversation, or to a new one."""
        if conversation_id is None:
            conversation_id = (await self.client.post("/api/v1/conversations", {}))["id"]
        connection = await self.client.connect(path_url(conversation_id), after)
        return Conversation(self, conversation_id, connection)

    async def kernels(self) -> list[LivingKernel]:
        """Return the kernels of this service that live, whether it lives or not."""
        return [k for k in await living_kernels() if k.label.startswith(str(self.data_dir))]

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        return self._end(signal.SIGTERM)

    def _end(self, number) -> int:
        if self.client is not None:
            self.client.close()
            self.client = None
        if self.process is None:
            return 0
        self.process.send_signal(number)
        code = self.process.wait(30)
        self.process.stdout.close()
        self.process = None
        return code
