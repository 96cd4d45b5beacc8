"""Jupyter's own objects, as the service sends them."""

from __future__ import annotations

from typing import Any

from pydantic import RootModel

from kernel_gateway.http.schemas.responses.base import Exact, Open


class Kernel(Exact):
    """Jupyter's model of a kernel."""

    id: str
    name: str
    last_activity: str
    execution_state: str
    connections: int


class Kernels(RootModel[list[Kernel]]):
    """Jupyter's list of kernels."""


class JupyterSession(Open):
    """Jupyter's model of a session."""

    id: str
    path: str
    name: str
    type: str
    kernel: Kernel


class JupyterSessions(RootModel[list[JupyterSession]]):
    """Jupyter's list of sessions."""


class JupyterObject(Open):
    """An object as Jupyter's REST API describes it."""


class JupyterList(RootModel[list[dict[str, Any]]]):
    """A list as Jupyter's REST API describes it."""
