"""A gateway without a scripted model, a kernel of it, plain HTTP to it, a conversation's files."""

import pytest

from kernel_gateway.terminal.client import path_url
from tests.jupyter_client import close_opened, new_kernel
from tests.raw_http import Raw


@pytest.fixture
async def running(start_gateway):
    return await start_gateway([], upload_limit_mb=1)


@pytest.fixture
async def kernel(running):
    return await new_kernel(running)


@pytest.fixture
async def raw(running):
    return Raw(running)


@pytest.fixture
async def files_url(running):
    return path_url((await running.client.post("/api/v1/conversations", {}))["id"]) + "/files"


@pytest.fixture(autouse=True)
async def closed_sockets():
    """No Jupyter client of a test outlives it."""
    yield
    await close_opened()
