"""A real Docker Engine for the tests: the one that runs, or one started for them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from container.host.environment import DEFAULT_IMAGE
from container.image.build import ImageBuildFailed, is_current
from container.image.engine import DATA_ROOT_VARIABLE, NoDockerEngine
from container.image.engine import docker_engine as running_engine
from container.shim.server import DOCKER_SOCKET

on_every_backend = pytest.mark.parametrize(
    "backend", ["zygote", "bubblewrap", "docker"], indirect=True
)
"""Runs a test of `start_kernel` with each thing that can start a kernel."""


def engine_address(directory: Path) -> str | None:
    """Return where an engine started for the tests will listen; ``None`` where one is at hand."""
    own = DATA_ROOT_VARIABLE in os.environ
    if not own and ("DOCKER_HOST" in os.environ or Path(DOCKER_SOCKET).exists()):
        return None
    return f"unix://{directory}/docker.sock"


@contextlib.contextmanager
def engine_with_image(directory: Path) -> Iterator[None]:
    """Have an engine answer, with the image of today's sources, for the length of the block."""
    try:
        with running_engine(directory):
            client = docker.from_env()
            try:
                current = is_current(client, DEFAULT_IMAGE)
            except ImageBuildFailed as error:
                pytest.fail(str(error))
            finally:
                client.close()
            if not current:
                pytest.fail(f"no {DEFAULT_IMAGE} made from these sources; build it: make image")
            yield
    except NoDockerEngine as error:
        if os.geteuid() != 0 and "CI" not in os.environ:
            pytest.skip(str(error))
        pytest.fail(str(error))
