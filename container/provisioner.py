"""Jupyter's kernel provisioner: whoever starts ``tallybook-python`` gets the sandbox.

Seam: `jupyter_client.provisioning.KernelProvisionerBase`. Traitlets stop here.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

from jupyter_client.provisioning import KernelProvisionerBase

from container.backends.bubblewrap import BubblewrapSandbox
from container.cgroups import end_group, leftover_groups
from container.limits import Limits, limits_from_json
from container.sandbox import Sandbox, SandboxSpec
from container.workspace import INPUTS, Workspace

INSIDE = Path(__file__).resolve().parent / "inside"
LIBRARY = "/opt/tallybook"
# Room for what the interpreter itself maps, so that the control group stays the
# limit that counts and one huge allocation still ends in MemoryError.
CGROUP_HEADROOM_BYTES = 64 * 1024 * 1024


def runtime_directory() -> Path:
    """Return a short, private directory for sockets (unix paths end at 108 bytes)."""
    if os.geteuid() == 0:
        directory = Path("/run/tallybook")
        directory.mkdir(mode=0o711, exist_ok=True)
        return directory
    base = os.environ.get("XDG_RUNTIME_DIR")
    if base and len(base) < 40 and os.access(base, os.W_OK):
        directory = Path(base, "tallybook")
    else:
        directory = Path(tempfile.gettempdir(), f"tallybook-{os.getuid()}")
    directory.mkdir(mode=0o700, exist_ok=True)
    if directory.stat().st_uid != os.getuid():
        raise PermissionError(f"{directory} belongs to another user; remove it")
    return directory


def runtime_prefix(kind: str) -> str:
    """Return how this process's runtime directories of *kind* begin: they name their owner."""
    return f"{kind}-{os.getpid()}-"


def sweep_runtime_directory() -> int:
    """Remove what processes that were killed left behind; return how many directories."""
    swept = 0
    for path in runtime_directory().glob("[kw]-*-*"):
        if _owner_is_gone(path.name):
            shutil.rmtree(path, ignore_errors=True)
            path.unlink(missing_ok=True)  # a workspace's marker is a file
            swept += 1
    for group in leftover_groups("[ck]-*-"):
        if _owner_is_gone(group.name):
            end_group(group)
    return swept


def _owner_is_gone(name: str) -> bool:
    owner = name.split("-")[1]
    return owner.isdigit() and not Path(f"/proc/{owner}").exists()


def kernel_rlimits(limits: Limits, *, cgroup: bool) -> dict[str, float]:
    """Return the rlimits set inside: the fallback for cgroups, and what those don't cover."""
    headroom = CGROUP_HEADROOM_BYTES if cgroup else 0
    return {
        "DATA": limits.memory_bytes + headroom,
        "NPROC": limits.pids,
        "FSIZE": limits.file_bytes,
        "NOFILE": limits.open_files,
        "CORE": 0,
    }


def kernel_environment() -> dict[str, str]:
    """Return the kernel's whole environment: nothing of the service's is passed on."""
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": "/tmp",  # noqa: S108 (the sandbox's own tmpfs)
        "USER": "tallybook",
        "LANG": "C.UTF-8",
        "TZ": os.environ.get("TZ", "UTC"),
        "PYTHONPATH": LIBRARY,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "IPYTHONDIR": "/tmp/.ipython",  # noqa: S108
        "JUPYTER_RUNTIME_DIR": "/tmp/.jupyter",  # noqa: S108
        "MPLCONFIGDIR": "/tmp/.matplotlib",  # noqa: S108
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",
    }


class SandboxProvisioner(KernelProvisionerBase):  # type: ignore[misc]
    """Starts a kernel in a sandbox instead of as a plain process.

    The workspace is the kernel's *cwd* when that is a Tallybook workspace. Any
    other caller (papermill, JupyterLab) gets a private workspace that starts with
    a copy of ``inputs/`` found in its cwd, and that is removed with the kernel.
    """

    sandbox: Sandbox | None = None
    _sockets: Path | None = None
    _private: Workspace | None = None

    @property
    def has_process(self) -> bool:
        return self.sandbox is not None

    async def poll(self) -> int | None:
        if self.sandbox is None:
            return 0
        status = self.sandbox.poll()
        return None if status is None else (status.exit_code or -(status.signal or 0))

    async def wait(self) -> int | None:
        if self.sandbox is None:
            return 0
        status = await self.sandbox.wait()
        return status.exit_code or -(status.signal or 0)

    async def send_signal(self, signum: int) -> None:
        if self.sandbox is not None and signum != 0:
            await self.sandbox.signal(signum)

    async def kill(self, restart: bool = False) -> None:  # noqa: FBT001, FBT002 (Jupyter's signature)
        await self.send_signal(signal.SIGKILL)

    async def terminate(self, restart: bool = False) -> None:  # noqa: FBT001, FBT002
        await self.send_signal(signal.SIGTERM)

    async def cleanup(self, restart: bool = False) -> None:  # noqa: FBT001, FBT002
        if self.sandbox is not None:
            await self.sandbox.aclose()
            self.sandbox = None
        if not restart and self._sockets is not None:
            shutil.rmtree(self._sockets, ignore_errors=True)
            self._sockets = None
        if not restart and self._private is not None:
            self._private.remove()
            self._private = None

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Choose the workspace and write the connection file for unix sockets."""
        manager = self.parent
        workspace = self._workspace(Path(kwargs.pop("cwd", None) or Path.cwd()))
        limits_json = kwargs.pop("limits", None)
        limits = limits_from_json(limits_json) if limits_json else Limits()
        if self._sockets is None:
            self._sockets = Path(
                tempfile.mkdtemp(prefix=runtime_prefix("k"), dir=runtime_directory())
            )
        for stale in self._sockets.glob("s-*"):
            stale.unlink()
        manager.transport, manager.ip = "ipc", str(self._sockets / "s")
        for number, channel in enumerate(("shell", "iopub", "stdin", "hb", "control"), 1):
            setattr(manager, f"{channel}_port", number)
        manager.connection_file = str(self._sockets / "connection.json")
        Path(manager.connection_file).unlink(missing_ok=True)
        manager.write_connection_file()
        if (uid := workspace.uid) is not None:
            for path in (self._sockets, Path(manager.connection_file)):
                os.chown(path, uid, uid)
        self.connection_info = manager.get_connection_info()
        spec = self._spec(workspace, self._sockets, limits)
        launch: dict[str, Any] = await super().pre_launch(
            cmd=list(spec.argv), sandbox_spec=spec, **kwargs
        )
        return launch

    def _workspace(self, cwd: Path) -> Workspace:
        if (known := Workspace.at(cwd)) is not None:
            return known
        if self._private is None:
            directory = Path(tempfile.mkdtemp(prefix=runtime_prefix("w"), dir=runtime_directory()))
            self._private = Workspace.create(directory)
            if (cwd / INPUTS).is_dir():
                for source in sorted((cwd / INPUTS).iterdir()):
                    if source.is_file() and not source.is_symlink():
                        with (
                            source.open("rb") as file,
                            self._private.add_input(source.name) as copy,
                        ):
                            shutil.copyfileobj(file, copy.file)
        return self._private

    def _spec(self, workspace: Workspace, sockets: Path, limits: Limits) -> SandboxSpec:
        rlimits = kernel_rlimits(limits, cgroup=os.geteuid() == 0)
        argv = (
            sys.executable,
            "-m",
            "inside.launch",
            json.dumps(rlimits),
            str(sockets / "connection.json"),
        )
        return SandboxSpec(
            name=sockets.name,
            argv=argv,
            limits=limits,
            workspace=workspace.directory,
            sockets=sockets,
            uid=workspace.uid,
            env=kernel_environment(),
            readonly=((INSIDE, f"{LIBRARY}/inside"),),
        )

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> dict[str, Any]:
        self.sandbox = BubblewrapSandbox()
        await self.sandbox.start(kwargs["sandbox_spec"])
        return dict(self.connection_info)

    async def get_provisioner_info(self) -> dict[str, Any]:
        info: dict[str, Any] = await super().get_provisioner_info()
        info["pid"] = self.sandbox.pid if self.sandbox else None
        return info

    def get_shutdown_wait_time(self, recommended: float = 5.0) -> float:
        return 1.0

    def _finalize_env(self, env: dict[str, str]) -> None:
        # The kernel's environment is `kernel_environment`, whatever the caller has.
        env.clear()
