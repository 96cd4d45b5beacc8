"""Run one short command in a sandbox and return what it printed."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from pathlib import Path

from container.backends.bubblewrap import BubblewrapSandbox
from container.host.environment import kernel_environment
from container.host.runtime import runtime_prefix
from container.limits import Limits
from container.sandbox import ExitStatus, SandboxSpec
from container.workspace.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfinedResult:
    """The result of a confined command.

    Attributes:
        status: How it ended; ``None`` when it timed out.
        printed: stdout and stderr together, the last `MAX_PRINTED` bytes.
    """

    status: ExitStatus | None
    printed: str


MAX_PRINTED = 4 * 1024 * 1024


async def run_confined(
    argv: tuple[str, ...],
    workspace: Workspace,
    limits: Limits,
    *,
    readonly: tuple[tuple[Path, str], ...] = (),
) -> ConfinedResult:
    """Run *argv* with the workspace read-only, within *limits*.

    Args:
        argv: The command, as the sandbox sees it.
        workspace: Shown as ``/workspace``.
        limits: What it may use, ``seconds`` included.
        readonly: Further (host path, path inside) pairs, read-only.

    Raises:
        SandboxUnavailable: This host can't confine it.
    """
    sandbox = BubblewrapSandbox(log_bytes=MAX_PRINTED)
    spec = SandboxSpec(
        name=f"{runtime_prefix('c')}{secrets.token_hex(6)}",
        argv=argv,
        limits=limits,
        workspace=workspace.directory,
        uid=workspace.uid,
        env=kernel_environment(),
        readonly=readonly,
        workspace_readonly=True,
    )
    status: ExitStatus | None = None
    try:
        await sandbox.start(spec)
        async with asyncio.timeout(limits.seconds):
            status = await sandbox.wait()
    except TimeoutError:
        status = None
    finally:
        await sandbox.aclose()
    return ConfinedResult(status=status, printed=sandbox.log())
