"""IPython's kernel, built in two steps: first what kernels can share, then the rest.

`build` makes the application, the kernel and its shell without a thread, a socket or a
key, so that a zygote can do it once and fork. `connect` adds what each kernel needs of its
own. Without a zygote, a kernel runs one step after the other.
"""

from __future__ import annotations

import contextlib
import logging
import os
import random
import sys
import uuid
from collections.abc import Callable
from typing import Any

CHANNELS = ("shell", "iopub", "stdin", "hb", "control")


def preload() -> None:
    """Import what nearly every request needs, so that kernels share its memory pages."""
    # The debugger would cost 12 MB per kernel, and no client can reach it.
    sys.modules["debugpy"] = None  # type: ignore[assignment]
    import ipykernel.debugger

    del sys.modules["debugpy"]
    ipykernel.debugger._is_debugpy_available = False
    import tempfile

    # Else the first cell looks for a directory, while the sandbox may still be mounting one.
    tempfile.tempdir = "/tmp"  # noqa: S108 (the kernel's own)
    import calendar  # noqa: F401
    import csv  # noqa: F401
    import decimal  # noqa: F401
    import sqlite3  # noqa: F401

    import matplotlib.pyplot  # noqa: F401

    # openpyxl would load lxml into every kernel, to write a little faster.
    sys.modules["lxml"] = None  # type: ignore[assignment]
    import openpyxl  # noqa: F401

    del sys.modules["lxml"]
    import pandas as pd
    import python_calamine  # noqa: F401
    import xlsxwriter  # noqa: F401

    with contextlib.suppress(ImportError):  # a container used without its sibling packages
        import workbooks.pandas_defaults  # type: ignore[import-not-found]  # noqa: F401
    # The first use imports and caches more than the import alone.
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"], "c": pd.to_datetime(["2024-01-01"] * 2)})
    frame._repr_html_()
    repr(frame.groupby("b").sum(numeric_only=True).merge(frame, on="a", how="left"))


def application_class() -> Any:
    """Return the application class, for IPython's and other ipykernel-based kernels."""
    from inside import half_characters, iopub, stdin  # type: ignore[import-not-found]
    from ipykernel.control import ControlThread
    from ipykernel.ipkernel import IPythonKernel
    from ipykernel.kernelapp import IPKernelApp
    from zmq.constants import SocketType
    from zmq.eventloop.zmqstream import ZMQStream

    class SandboxKernelApp(IPKernelApp):  # type: ignore[misc]
        """An IPKernelApp that creates its sockets and threads last."""

        gate: Any = None
        audit_hook: Any = None

        def init_pdb(self) -> None:
            """Skip pdb: there is no terminal."""

        def init_connection_file(self) -> None:
            """Do nothing; `connect` passes the connection."""

        init_sockets = init_heartbeat = write_connection_file = init_connection_file
        log_connection_info = init_io = init_connection_file

        def init_signal(self) -> None:
            """Leave signals to `InterruptGate`."""

        def init_kernel(self) -> None:
            own = {"profile_dir": self.profile_dir, "user_ns": self.user_ns}
            python = issubclass(self.kernel_class, IPythonKernel)
            self.kernel = self.kernel_class.instance(
                parent=self, session=self.session, log=self.log, **(own if python else {})
            )

        def init_control(self, context: Any) -> None:
            self.control_socket = context.socket(SocketType.ROUTER)
            self.control_socket.linger = 1000
            self.control_socket.router_handover = 1
            self._bind_socket(self.control_socket, self.control_port)
            self.control_thread = ControlThread(daemon=True)

        def init_iopub(self, context: Any) -> None:
            self.iopub_socket = context.socket(SocketType.XPUB, iopub.SharedSocket)
            self.iopub_socket.linger = 1000
            # No high-water mark: ZMQ would silently drop outputs above it. The queue is in
            # this process's memory, so the kernel's memory limit bounds it.
            self.iopub_socket.sndhwm = 0
            self._bind_socket(self.iopub_socket, self.iopub_port)
            self.iopub_thread = iopub.Publisher(self.iopub_socket, pipe=True, session=self.session)
            self.iopub_thread.start()
            self.iopub_socket = self.iopub_thread.background_socket

        def start(self) -> None:
            """Handle requests until the kernel is shut down.

            A background task that calls ``sys.exit()`` must not end the event loop, so restart it.
            """
            self.kernel.start()
            self.io_loop = self.kernel.io_loop
            while True:
                try:
                    self.io_loop.start()
                except (SystemExit, KeyboardInterrupt):
                    continue
                return

        def open(self, connection: dict[str, Any]) -> None:
            """Open sockets and threads for *connection*, a connection file's content."""
            self.transport, self.ip = connection["transport"], connection["ip"]
            for channel in CHANNELS:
                setattr(self, f"{channel}_port", connection[f"{channel}_port"])
            self.session.key = connection["key"].encode()
            self.session.pack = half_characters.packing_them(self.session.pack)
            # Always copy: for the first large message that it does not copy, pyzmq starts a
            # thread with a socket, which ends the process when memory is short.
            self.session.copy_threshold = sys.maxsize
            IPKernelApp.init_sockets(self)
            IPKernelApp.init_heartbeat(self)
            IPKernelApp.init_io(self)
            for stream in (sys.stdout, sys.stderr):  # the app's setting takes a dotted name only
                stream.__class__ = iopub.PiecewiseStream
            kernel, shell = self.kernel, self.shell
            self.displayhook.get_execution_count = lambda: kernel.execution_count
            kernel.shell_stream = ZMQStream(self.shell_socket)
            kernel.control_stream = ZMQStream(self.control_socket, self.control_thread.io_loop)
            kernel.stdin_socket = stdin.wait_for_client(self.stdin_socket)
            kernel.control_thread = self.control_thread
            kernel.iopub_thread, kernel.iopub_socket = self.iopub_thread, self.iopub_socket
            if shell is not None:
                shell.displayhook.pub_socket = shell.display_pub.pub_socket = self.iopub_socket
                shell.displayhook.topic = kernel._topic("execute_result")
            self.control_thread.start()

    return SandboxKernelApp


def import_installed_only() -> None:
    """Take from the module path what is not installed, such as a checkout under /tmp."""
    installed = (sys.prefix, sys.base_prefix, "/usr/lib", "/opt/tallybook")
    sys.path[:] = [place for place in sys.path if place.startswith(installed)]


def build() -> Any:
    """Return the application with its kernel and shell: no thread, no socket, no key yet."""
    import_installed_only()
    preload()
    app = application_class().instance()
    app.initialize(["--HistoryManager.enabled=False"])
    app.log.setLevel(logging.WARNING)  # else every message is formatted for a discarded log
    from inside import (
        audit_hook,
        cell_text,
        defaults,
        failures,
        fast_paths,
        interrupts,
        network,
        patches,
        snapshots,
        threads,
        top_level_await,
    )

    app.audit_hook = audit_hook.set_hook(*snapshots.CODE)
    audit_hook.follow_cells(
        app.audit_hook, app.shell, lambda: _permissions(app.kernel), _take_tables
    )
    snapshots.apply(app.shell)
    top_level_await.apply(app.shell)
    cell_text.apply(app.shell)
    defaults.apply(app.shell)
    failures.apply(app.shell)
    threads.apply(app.shell)
    network.apply()
    if patches.wanted("plain_text"):
        fast_paths.apply(app.shell)
    if patches.wanted("no_pause"):
        app.kernel._execute_sleep = 0.0
    app.gate = interrupts.InterruptGate(app.shell)
    return app


def _permissions(kernel: Any) -> list[str] | None:
    """Return the running cell's permissions, from its request; ``None`` if it has none."""
    ours = kernel.get_parent("shell").get("metadata", {}).get("tallybook")
    return None if ours is None else list(ours.get("granted", ()))


def _take_tables() -> Any:
    """Return what the workbook library noted of tables read and written since the last call."""
    if (journal := sys.modules.get("workbooks.tie_out.journal")) is None:
        return None
    noted = journal.take()
    return noted if any(noted.values()) else None


def warm_up(app: Any, wanted: Callable[[], bool]) -> None:
    """Run what a kernel's first cells run, so that its memory pages are already copied.

    A forked process copies each page at its first write to it. The warm-up leaves no
    variable, history or thread.

    Args:
        app: What `build` returned, in the forked process.
        wanted: Whether a request waits; then the warm-up stops.
    """
    app.session.pid = os.getpid()  # a session sends only in the process it belongs to
    for step in (_warm_up_cell, _warm_up_frame, _warm_up_sockets):
        if wanted():
            return
        with contextlib.suppress(Exception):
            step(app)


def _warm_up_cell(app: Any) -> None:
    app.shell.run_cell("None", silent=True, store_history=False)
    app.session.serialize(app.session.msg("status", {"execution_state": "busy"}))


def _warm_up_frame(app: Any) -> None:
    import pandas as pd

    app.shell.display_formatter.format(pd.DataFrame({"a": [1, 2]}))


def _warm_up_sockets(app: Any) -> None:
    from ipykernel.iostream import IOPubThread
    from zmq.constants import SocketType
    from zmq.sugar.context import Context

    context: Any = Context()
    shell, iopub = context.socket(SocketType.ROUTER), context.socket(SocketType.XPUB)
    for made in (shell, iopub):
        made.bind(f"inproc://{id(made)}")
    publishing = IOPubThread(iopub, session=app.session)
    publishing.start()
    app.session.send(publishing.background_socket, "status", {"execution_state": "busy"})
    publishing.stop()
    publishing.close()
    shell.close()
    context.term()  # ends its threads


def reseed() -> None:
    """Reseed the random generators: forked processes share their parent's state."""
    random.seed()
    if (numpy := sys.modules.get("numpy")) is not None:
        numpy.random.seed()
    uuid._last_timestamp = None  # type: ignore[attr-defined]


def connect(app: Any, connection: dict[str, Any], *, audited: bool) -> None:
    """Open *connection*'s sockets for *app*, with a new session id, in this process.

    Args:
        app: What `build` returned, in this process or its parent.
        connection: A connection file's content, with paths as this process sees them.
        audited: Arm the `audit_hook`.
    """
    from inside import iopub, memory
    from jupyter_client.session import new_id

    reseed()
    app.session.pid, app.session.session = os.getpid(), new_id()
    app.kernel.ident = str(uuid.uuid4())
    if app.gate is not None:
        app.gate.install()
    with iopub.signals_held():  # new threads inherit the mask, so the main thread gets signals
        app.open(connection)
    memory.note_start()
    if audited and app.audit_hook is not None:
        app.audit_hook.arm()
