"""Services that tests kill."""

import contextlib

import pytest

from tests.faults.service import Service
from tests.websockets import close_opened


@pytest.fixture
async def service(tmp_path, standin):
    """A service whose kernels end with it."""
    made = Service(tmp_path / "data", standin([]), keep_seconds=0)
    yield made
    with contextlib.suppress(ProcessLookupError):
        made.kill()


@pytest.fixture
async def lasting(tmp_path, standin):
    """A service whose kernels live on for a while when it dies."""
    made = Service(tmp_path / "data", standin([]), keep_seconds=60)
    yield made
    with contextlib.suppress(ProcessLookupError):
        made.stop()


@pytest.fixture(autouse=True)
async def closed_sockets():
    """No websocket of a test outlives it."""
    yield
    await close_opened()
