"""Run one short command in a sandbox and return what it printed, or ask one started ahead."""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from container.backends.bubblewrap import BubblewrapSandbox
from container.host.environment import kernel_environment
from container.host.runtime import free_user, runtime_prefix
from container.limits import MIB, Limits
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
PIECE_BYTES = 1024 * 1024
MOST_OWNERS = 3
"""So often does one command run, if the workspace has a new owner each time."""


class NoAnswer(Exception):
    """A confined program gave no answer; the text says why."""


async def run_confined(
    argv: tuple[str, ...],
    workspace: Workspace,
    limits: Limits,
    *,
    readonly: tuple[tuple[Path, str], ...] = (),
    on_printed: Callable[[bytes], None] | None = None,
) -> ConfinedResult:
    """Run *argv* with the workspace read-only, within *limits*.

    A kernel that starts meanwhile may give the workspace to another host user, and the command
    has no right to read it any more. It runs again then as the new owner, also if it ended well:
    a reader may have taken the refusal for damage of the file.

    Args:
        argv: The command, as the sandbox sees it.
        workspace: Shown as ``/workspace``.
        limits: What it may use, ``seconds`` included.
        readonly: Further (host path, path inside) pairs, read-only.
        on_printed: Gets what it prints, as it comes.

    Raises:
        SandboxUnavailable: This host can't confine it.
    """
    for _ in range(MOST_OWNERS):
        owner = workspace.uid
        result = await _run_as(owner, argv, workspace, limits, readonly, on_printed)
        if workspace.uid == owner:
            break
    return result


async def _run_as(
    owner: int | None,
    argv: tuple[str, ...],
    workspace: Workspace,
    limits: Limits,
    readonly: tuple[tuple[Path, str], ...],
    on_printed: Callable[[bytes], None] | None,
) -> ConfinedResult:
    sandbox = BubblewrapSandbox(log_bytes=MAX_PRINTED, on_printed=on_printed)
    spec = SandboxSpec(
        name=f"{runtime_prefix('c')}{secrets.token_hex(6)}",
        argv=argv,
        limits=limits,
        workspace=workspace.directory,
        uid=owner,
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


class ConfinedProgram:
    """A program in a sandbox of its own, started ahead, that answers one request.

    It sees no workspace. What it gets and gives goes over a socket: it reads the request until
    its end, writes the answer, and ends.
    """

    def __init__(self, sandbox: BubblewrapSandbox, ours: socket.socket) -> None:
        self._sandbox, self._socket = sandbox, ours

    @classmethod
    async def start(
        cls,
        argv: Callable[[int], tuple[str, ...]],
        limits: Limits,
        *,
        readonly: tuple[tuple[Path, str], ...] = (),
    ) -> ConfinedProgram:
        """Start it.

        Args:
            argv: Returns the command, given the descriptor of its end of the socket.
            limits: What it may use; ``seconds`` are given to `ask`.
            readonly: Further (host path, path inside) pairs, read-only.

        Raises:
            SandboxUnavailable: This host can't confine it.
        """
        ours, theirs = socket.socketpair()
        sandbox = BubblewrapSandbox(log_bytes=MAX_PRINTED)
        spec = SandboxSpec(
            name=f"{runtime_prefix('c')}{secrets.token_hex(6)}",
            argv=argv(theirs.fileno()),
            limits=limits,
            workspace=None,
            uid=free_user(),
            env=kernel_environment(),
            readonly=readonly,
            pass_fds=(theirs.fileno(),),
        )
        program = cls(sandbox, ours)
        try:
            with theirs:
                await sandbox.start(spec)
        except BaseException:
            await program.aclose()
            raise
        return program

    @property
    def alive(self) -> bool:
        """Whether it has not ended."""
        return self._sandbox.poll() is None

    async def ask(self, request: Iterable[bytes], *, seconds: float, most_bytes: int) -> bytes:
        """Send *request*, and return the answer; it ends then.

        Raises:
            NoAnswer: It gave none within *seconds*, or more than *most_bytes*.
        """
        answer = bytearray()
        writer = None
        try:
            async with asyncio.timeout(seconds):
                reader, writer = await asyncio.open_connection(sock=self._socket)
                for piece in request:
                    writer.write(piece)
                    await writer.drain()
                writer.write_eof()
                while piece := await reader.read(PIECE_BYTES):
                    answer += piece
                    if len(answer) > most_bytes:
                        raise NoAnswer(f"its answer has more than {most_bytes // MIB} MB")
                status = None if answer else await self._sandbox.wait()
        except TimeoutError:
            raise NoAnswer(f"it took longer than {seconds:g} s") from None
        except OSError as error:
            raise NoAnswer(f"it ended ({error.strerror})") from error
        finally:
            if writer is not None:  # before `aclose`: the loop must not watch a closed descriptor
                writer.transport.abort()
        if status is not None:
            memory = status.out_of_memory or status.signal
            raise NoAnswer("it needs more memory than it may use" if memory else "it ended")
        return bytes(answer)

    def log(self) -> str:
        """Return the last of what it printed."""
        return self._sandbox.log()

    async def aclose(self) -> None:
        """End it."""
        self._socket.close()
        await self._sandbox.aclose()
