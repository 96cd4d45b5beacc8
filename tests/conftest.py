"""Real parts for every test: workspaces, kernels in their sandbox, a listening gateway."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from agent.standin.server import StandinServer
from agent.standin.transcript import TRANSCRIPTS, Transcript, exchanges_from_json, load_transcripts
from container.host.runtime import RUNTIME_VARIABLE
from container.kernel.execute_reply import ExecuteReply
from container.kernel.session import KernelSession
from container.limits import Limits
from container.shim.client import stop_all_shims
from container.workspace.workspace import Workspace
from kernel_gateway.ids import PathKey
from kernel_gateway.settings import Settings
from kernel_gateway.terminal.client import GatewayClient, PathConnection, path_url
from kernel_gateway.wiring import Gateway, open_gateway
from tests.docker_engine import engine_address, engine_with_image
from tests.postgres import Postgres, running_postgres
from tests.waiting import NeverHappened, eventually_now
from tests.websockets import close_opened
from tests.workers import ByFileOrEngine

# A runtime directory of this run's own: its kernels' owner never serves anyone else's.
RUNTIME = Path(tempfile.mkdtemp(prefix="tb-", dir="/tmp"))
RUNTIME.chmod(0o711)
os.environ[RUNTIME_VARIABLE] = str(RUNTIME)
os.environ["TALLYBOOK_SHIM_IDLE_SECONDS"] = "120"
os.environ["TALLYBOOK_WARM_KERNELS"] = "2"  # spare ones would only slow the tests down
if (address := engine_address(RUNTIME)) is not None:
    os.environ["DOCKER_HOST"] = address  # before kernels' owners start, who inherit it

# Made-up examples are the same in every run, so that a change is what fails; `make soak` tries new
# ones, and many more.
hypothesis.settings.register_profile("same-every-time", derandomize=True, deadline=None)
hypothesis.settings.register_profile("soak", max_examples=1000, deadline=None, print_blob=True)
hypothesis.settings.load_profile("same-every-time")

TESTS = Path(__file__).resolve().parent
EXAMPLES = TESTS.parent / "examples"
STACK = "Stack these 3 workbooks and keep rows where Sales > 1000"
PIVOT = "now a pivot of Sales by Region and Quarter, and a chart"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFileOrEngine:
    """Share tests out as `ByFileOrEngine` says."""
    return ByFileOrEngine(config, log)


def pytest_sessionfinish() -> None:
    """Stop the processes that own kernels: they outlive whoever started them."""
    stop_all_shims()
    with contextlib.suppress(NeverHappened):
        eventually_now("the kernels' owners end", lambda: not list(RUNTIME.glob("shim-*.sock")))
    shutil.rmtree(RUNTIME, ignore_errors=True)


def code_reply(*lines: str, **parameters: Any) -> dict[str, Any]:
    """Return a stand-in reply that asks to run *lines*."""
    call: dict[str, Any] = {"code": list(lines)}
    if parameters:
        call["parameters"] = parameters
    return {"text": "I will run this.", "run_code": call}


def exchange(request: str, *replies: dict[str, Any]) -> list[dict[str, Any]]:
    """Return transcript exchanges: *replies* in turn to *request*."""
    return [
        {"when": {"request": request, "after": number}, "reply": reply}
        for number, reply in enumerate(replies)
    ]


@dataclass
class Kernel:
    """A kernel session that keeps each cell's outputs."""

    session: KernelSession
    outputs: list[dict[str, Any]] = field(default_factory=list)

    async def run(self, code: str, **options: Any) -> ExecuteReply:
        self.outputs.clear()

        async def keep(output: Any) -> None:
            self.outputs.append(dict(output))

        return await self.session.execute(code, keep, **options)

    def text(self) -> str:
        """Return all stream text and plain results of the last cell."""
        parts = []
        for output in self.outputs:
            parts.append(output.get("text") or output.get("data", {}).get("text/plain", ""))
            if output["output_type"] == "error":
                parts.append(f"{output['ename']}: {output['evalue']}")
        return "".join(parts)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path / "workspace")


@pytest.fixture(scope="session")
def docker_engine() -> Iterator[None]:
    """A Docker Engine that answers and has the kernels' image; one is started if none runs."""
    with engine_with_image(RUNTIME):
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server, started for this run."""
    with running_postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/contract.db"
    server: Postgres = request.getfixturevalue("postgres")
    return server.new_database()


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> str:
    """What starts the kernels of a test; `on_every_backend` runs it with each."""
    chosen: str = getattr(request, "param", "zygote")
    if chosen == "docker":
        request.getfixturevalue("docker_engine")
    return chosen


@pytest.fixture
def audited() -> bool:
    """Whether `start_kernel`'s kernels refuse what never runs, as they do by default."""
    return True


@pytest.fixture
async def start_kernel(
    tmp_path: Path, backend: str, audited: bool
) -> AsyncIterator[Callable[..., Awaitable[Kernel]]]:
    async with AsyncExitStack() as stack:
        count = 0

        async def start(**limits: Any) -> Kernel:
            nonlocal count
            count += 1
            made = Workspace.create(tmp_path / f"kernel-{count}")
            session = KernelSession(made, Limits(audited=audited, **limits), backend=backend)
            stack.push_async_callback(session.aclose)
            await session.start()
            return Kernel(session)

        yield start


@dataclass
class RunningGateway:
    """A gateway under test, with a client of its public API."""

    gateway: Gateway
    client: GatewayClient
    standin: StandinServer

    @property
    def url(self) -> str:
        return self.gateway.url

    @property
    def token(self) -> str:
        return self.gateway.services.token

    async def conversation(self, *files: Path) -> Conversation:
        made = await self.client.post("/api/v1/conversations", {})
        if files:
            await self.client.upload(path_url(made["id"]), files)
        return Conversation(self, made["id"], await self.client.connect(path_url(made["id"])))

    def home(self, conversation_id: str) -> Path:
        return self.gateway.services.settings.data_dir / "conversations" / conversation_id / "main"


@dataclass
class Conversation:
    """A conversation with its websocket; every event seen is kept."""

    running: RunningGateway
    id: str
    connection: PathConnection
    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return path_url(self.id)

    @property
    def key(self) -> PathKey:
        return PathKey("local", self.id, "main")

    @property
    def notebook(self) -> Path:
        return self.running.home(self.id) / "notebook.ipynb"

    async def until(self, *kinds: str) -> dict[str, Any]:
        """Read events until one of *kinds* comes; return it."""
        async for event in self.connection.events():
            self.events.append(event)
            if event["kind"] in kinds:
                return event
        raise AssertionError(f"the socket closed before any of {kinds}")

    async def ask(self, request: str) -> dict[str, Any]:
        await self.connection.send("turn.request", request=request)
        return (await self.until("turn.finished"))["data"]

    async def execute(self, code: str) -> dict[str, Any]:
        await self.connection.send("execute.request", code=code)
        return (await self.until("turn.finished"))["data"]

    async def printed(self, code: str) -> str:
        finished = await self.execute(code)
        return "".join(o.get("text", "") for o in finished["outputs"])

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        return [event["data"] for event in self.events if event["kind"] == kind]

    def cells(self) -> list[dict[str, Any]]:
        return json.loads(self.notebook.read_text())["cells"]


StartGateway = Callable[..., Awaitable[RunningGateway]]


@contextlib.asynccontextmanager
async def gateways(directory: Path) -> AsyncIterator[StartGateway]:
    """Start gateways with a scripted model and their data in *directory*; stop them all."""
    async with AsyncExitStack() as stack:

        async def start(
            exchanges: Iterable[dict[str, Any]] | None = None, **settings: Any
        ) -> RunningGateway:
            transcript = (
                load_transcripts([TRANSCRIPTS / "stack_sales.json"])
                if exchanges is None
                else Transcript(exchanges_from_json(exchanges))
            )
            standin = stack.enter_context(StandinServer(transcript))
            values = {
                "port": 0,
                "data_dir": directory,
                "gemini_api_key": "test-key-7f3a",
                "model_base_url": standin.base_url,
                "backoff_seconds": 0.01,
                **settings,
            }
            gateway = await stack.enter_async_context(open_gateway(Settings(**values)))
            client = GatewayClient(gateway.url, gateway.services.token)
            stack.callback(client.close)
            stack.push_async_callback(close_opened)
            return RunningGateway(gateway, client, standin)

        yield start


@pytest.fixture
async def start_gateway(tmp_path: Path) -> AsyncIterator[StartGateway]:
    """Start gateways with a scripted model; the second in a test reuses the first one's data."""
    async with gateways(tmp_path / "data") as start:
        yield start


@pytest.fixture
def examples() -> list[Path]:
    return sorted(EXAMPLES.glob("*.xlsx"))


@pytest.fixture
def standin() -> Iterator[Callable[..., StandinServer]]:
    servers: list[StandinServer] = []

    def start(exchanges: Iterable[dict[str, Any]], **options: Any) -> StandinServer:
        servers.append(StandinServer(Transcript(exchanges_from_json(exchanges)), **options))
        return servers[-1]

    yield start
    for server in servers:
        server.close()
