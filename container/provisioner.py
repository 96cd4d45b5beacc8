"""Jupyter's kernel provisioner: it starts each ``tallybook-…`` kernelspec in a sandbox.

Implements `jupyter_client.provisioning.KernelProvisionerBase`.
"""

from __future__ import annotations

import shutil
import signal
import tempfile
from pathlib import Path
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning import KernelProvisionerBase
from traitlets import Unicode

from container.errors import ContainerError
from container.host.environment import DEFAULT_IMAGE, NETWORK
from container.host.runtime import runtime_directory, runtime_prefix
from container.inside.network import STORED
from container.kernel.languages import KERNELS
from container.limits import Limits, limits_from_json
from container.shim.client import KernelLease
from container.shim.kernels import KernelRequest
from container.workspace.workspace import INPUTS, Workspace

RESPONSES = "responses"
"""Directory beside a workspace with recorded responses of network calls."""


class SandboxProvisioner(KernelProvisionerBase):  # type: ignore[misc]
    """Starts a kernel in a sandbox instead of as a plain process.

    The workspace is the kernel's *cwd* when that is a Tallybook workspace. Any
    other caller (papermill, JupyterLab) gets a private workspace that starts with
    a copy of ``inputs/`` found in its cwd, and that is removed with the kernel.
    """

    language = Unicode("python", help="python, bash or deno").tag(config=True)

    backend = Unicode("zygote", help="zygote, bubblewrap or docker").tag(config=True)
    image = Unicode(DEFAULT_IMAGE, help="image of the docker backend").tag(config=True)
    runtime = Unicode("", help="OCI runtime of the docker backend").tag(config=True)

    lease: KernelLease | None = None
    _private: Workspace | None = None

    @property
    def has_process(self) -> bool:
        return self.lease is not None

    async def poll(self) -> int | None:
        if self.lease is None:
            return 0
        status = self.lease.poll()
        return None if status is None else (status.exit_code or -(status.signal or 0))

    async def wait(self) -> int | None:
        if self.lease is None:
            return 0
        status = await self.lease.wait()
        return status.exit_code or -(status.signal or 0)

    async def send_signal(self, signum: int) -> None:
        if self.lease is not None and signum != 0:
            await self.lease.signal(signum)

    async def kill(self, restart: bool = False) -> None:  # noqa: FBT001, FBT002 (Jupyter's signature)
        await self.send_signal(signal.SIGKILL)

    async def terminate(self, restart: bool = False) -> None:  # noqa: FBT001, FBT002
        await self.send_signal(signal.SIGTERM)

    async def cleanup(self, restart: bool = False) -> None:  # noqa: FBT001, FBT002
        if self.lease is not None:
            await self.lease.aclose()
            self.lease = None
        if not restart and self._private is not None:
            self._private.remove()
            self._private = None

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Choose the workspace and build the request; the shim makes sockets and keys.

        Raises:
            ContainerError: The kernelspec names an unknown language.
        """
        workspace = self._workspace(Path(kwargs.pop("cwd", None) or Path.cwd()))
        language = KERNELS.get(self.language)
        if language is None:
            raise ContainerError(
                f"The kernelspec asks for the language {self.language!r}; "
                f"there are {', '.join(KERNELS)}."
            )
        limits_json = kwargs.pop("limits", None)
        request = KernelRequest(
            workspace=workspace.directory,
            uid=workspace.uid,
            limits=limits_from_json(limits_json) if limits_json else Limits(),
            argv=language.argv,
            env=dict(language.env),
            loopback=language.loopback,
            backend=kwargs.pop("backend", self.backend),
            image=kwargs.pop("image", self.image),
            runtime=kwargs.pop("runtime", self.runtime),
            label=kwargs.pop("label", ""),
            keep_seconds=kwargs.pop("keep_seconds", 0.0),
            record=kwargs.pop("record", False),
            lend=workspace.uid is None and self._private is not None,
        )
        launch: dict[str, Any] = await super().pre_launch(
            cmd=list(request.argv), kernel_request=request, **kwargs
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

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        request: KernelRequest = kwargs["kernel_request"]
        self.take(await KernelLease.start(request))
        self._give_responses(request.workspace.parent / RESPONSES)
        return self.connection_info

    def _give_responses(self, recorded: Path) -> None:
        """Copy the *recorded* responses of network calls, if there are any, into the sandbox.

        The kernel's HTTP calls get them (`container.inside.network`); nothing is sent.
        """
        if self.lease is not None and recorded.is_dir():
            sockets = Path(self.lease.connection["ip"]).parent
            given = sockets / NETWORK / Path(STORED).name
            shutil.copytree(recorded, given)
            for path in (given, *given.iterdir()):
                path.chmod(0o755 if path.is_dir() else 0o644)

    def take(self, lease: KernelLease) -> None:
        """Hold *lease*, and give its connection info to Jupyter's manager."""
        self.lease = lease
        manager = self.parent
        manager.transport = "ipc"
        manager.connection_file = str(lease.connection_file)
        manager.load_connection_info(lease.connection)
        self.connection_info = {**lease.connection, "key": lease.connection["key"].encode()}

    async def get_provisioner_info(self) -> dict[str, Any]:
        info: dict[str, Any] = await super().get_provisioner_info()
        info["pid"] = self.lease.pid if self.lease else None
        return info

    def get_shutdown_wait_time(self, recommended: float = 5.0) -> float:
        return 1.0

    def _finalize_env(self, env: dict[str, str]) -> None:
        # The kernel gets `kernel_environment` only, nothing of the caller's environment.
        env.clear()
