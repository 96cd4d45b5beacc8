"""The terminal chat: live output, permission prompts, Ctrl-C cancels the turn."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from kernel_gateway.terminal.client import (
    GatewayClient,
    PathConnection,
    ServiceRefused,
    path_url,
)
from kernel_gateway.terminal.files import FileProblem, PathFiles
from kernel_gateway.terminal.history import HEADS, last_undo, listed, restore, row, undo
from kernel_gateway.terminal.modes import ModeWordsWrong, asked_mode, ends_at, mode_lines
from kernel_gateway.terminal.view import TerminalView, plain

CHOICES = {"o": "once", "a": "always", "u": "until", "d": "deny"}
COMMANDS = (
    "/history [FILE] lists checkpoints; /revert undoes the last request, /revert undo the last "
    "undo; /revert TURN or `start` goes back there; /revert CHECKPOINT [FILE...] puts files back; "
    "/grants lists what you allowed for longer; /revoke ID... or /revoke all ends that; "
    "/mode shows or sets how this conversation works."
)
COMMAND = re.compile(r"/[a-z]+(\s|$)")
NEEDS_CONFIRMATION = "restore-needs-confirmation"
LEAVE = frozenset({"exit", "quit", ":q"})


class Chat:
    """One conversation at the terminal.

    Args:
        client: The service.
        view: Shows the events.
        answers: Lines typed by the user; ``None`` if there is no user to ask.
    """

    def __init__(
        self, client: GatewayClient, view: TerminalView, answers: AsyncIterator[str] | None
    ) -> None:
        self._client, self._view, self._answers = client, view, answers
        self.conversation = ""
        self._connection: PathConnection | None = None
        self._events: AsyncIterator[dict[str, Any]] | None = None
        self._turn: str | None = None

    async def open(self, files: Sequence[Path], conversation: str | None = None) -> None:
        """Start or continue a conversation and upload *files*."""
        if conversation is None:
            made = await self._client.post("/api/v1/conversations", {"title": "Terminal chat"})
            conversation = str(made["id"])
        self.conversation = conversation
        if files:
            self._view.busy(f"Uploading {len(files)} files …")
            uploaded = await self._client.upload(path_url(conversation), files)
            self._view.idle()
            self._show_uploaded(uploaded)
        self._connection = await self._client.connect(path_url(conversation), await self._last())
        self._events = self._connection.events()

    async def _last(self) -> int:
        """Return the number of the path's last event, so that only new ones are shown."""
        facts = await self._client.get(f"/api/v1/conversations/{self.conversation}")
        return int(facts["last_seq"])

    def _show_uploaded(self, uploaded: dict[str, Any]) -> None:
        console = self._view.console
        for file in uploaded["files"]:
            console.print(f"  uploaded {plain(file['name'])}", style="dim", markup=False)
            if problem := file["problem"]:
                text = f"    {problem['message']} {problem['hint']}"
                console.print(plain(text), style="yellow", markup=False)
        for refused in uploaded["rejected"]:
            console.print(plain(refused["error"]["message"]), style="red", markup=False)

    async def ask(self, request: str) -> dict[str, Any]:
        """Send *request*, show what happens, and return the ``turn.finished`` data."""
        if self._connection is None or self._events is None:
            raise RuntimeError("open the chat first")
        try:
            started = await self._client.post(
                f"{path_url(self.conversation)}/turns", {"request": request}
            )
            self._turn = started["turn"]
            return await self._until_finished(self._events, self._turn)
        except ServiceRefused as refused:
            self._view.console.print(plain(str(refused)), style="red", markup=False)
            return {"status": "error", "error": refused.error}
        finally:
            self._turn = None
            self._view.idle()

    async def _until_finished(
        self, events: AsyncIterator[dict[str, Any]], turn: str | None
    ) -> dict[str, Any]:
        async for event in events:
            self._view.show(event)
            data: dict[str, Any] = event["data"]
            if event["kind"] == "permission.required":
                await self._reply(data)
            elif event["kind"] == "turn.finished" and event["turn"] == turn:
                return data
        raise ConnectionError("The service closed the connection.")

    async def show_history(self, file: str | None) -> None:
        """List the checkpoints, or those before which *file* changed."""
        from kernel_gateway.terminal.file_commands import print_table

        found = await listed(PathFiles(self._client, path_url(self.conversation)), file=file)
        print_table(HEADS, [row(entry) for entry in found])

    async def revert(self, words: Sequence[str]) -> None:
        """Undo the last request; or go back to a turn, ``start``, or a checkpoint's files.

        Args:
            words: A turn, ``start``, ``undo`` for the last undo, or a checkpoint and names of
                files; none for the last request.
        """
        path = PathFiles(self._client, path_url(self.conversation))
        try:
            reply = await self._revert(path, words, confirm=False)
        except ServiceRefused as refused:
            if refused.error.get("code") != NEEDS_CONFIRMATION or self._answers is None:
                raise
            self._view.console.print(plain(refused.error["message"]), style="yellow", markup=False)
            self._view.console.print("Do it all the same? [y/N] ", end="", markup=False)
            if (await anext(self._answers, "n")).strip().lower()[:1] != "y":
                return
            reply = await self._revert(path, words, confirm=True)
        if self._events is not None:
            await self._until_finished(self._events, reply["turn"])

    @staticmethod
    async def _revert(path: PathFiles, words: Sequence[str], *, confirm: bool) -> dict[str, Any]:
        if not words:
            return await undo(path, confirm=confirm)
        first, *files = words
        if words == ["undo"]:
            return await undo(path, confirm=confirm, turn=await last_undo(path))
        if first == "start" or first.startswith("turn_"):
            return await undo(path, confirm=confirm, to=first, files=files)
        return await restore(path, first, files, confirm=confirm)

    async def command(self, line: str) -> None:
        """Carry out a line that starts with ``/``; say what is wrong with it."""
        name, *words = line.split()
        try:
            if name == "/history":
                await self.show_history(words[0] if words else None)
            elif name == "/revert":
                await self.revert(words)
            elif name in ("/grants", "/revoke"):
                await self._grants(name, words)
            elif name == "/mode":
                await self.mode(asked_mode(line.removeprefix(name)))
            else:
                self._view.console.print(f"There is no {plain(name)}. {COMMANDS}", markup=False)
        except (ServiceRefused, FileProblem, ModeWordsWrong) as error:
            self._view.console.print(plain(str(error)), style="red", markup=False)
        finally:
            self._view.idle()

    async def mode(self, wanted: dict[str, Any] | None) -> None:
        """Show the conversation's mode, or set it."""
        for line in await mode_lines(self._client, self.conversation, wanted):
            self._view.console.print(plain(line), markup=False, soft_wrap=True)

    async def _grants(self, name: str, words: Sequence[str]) -> None:
        from kernel_gateway.terminal.grants_commands import lines, revoke_all

        console = self._view.console
        if name == "/grants":
            for line in await lines(self._client):
                console.print(f"  {plain(line)}", markup=False, soft_wrap=True)
        elif not words:
            console.print("Say which: /revoke ID..., or /revoke all.", markup=False)
        else:
            for revoked in await revoke_all(self._client, [] if words == ["all"] else words):
                console.print(f"  revoked {plain(revoked)}", style="yellow", markup=False)

    async def _reply(self, permission: dict[str, Any]) -> None:
        decision, more = "deny", dict[str, str]()
        if self._answers is None:
            self._view.console.print("Nobody can be asked here: denied.", style="yellow")
        else:
            for covered in permission.get("always", ()):
                text = f"  always would cover {covered}"
                self._view.console.print(plain(text), style="dim", markup=False)
            lasting = "Allow [o]nce, [a]lways, [u]ntil a time (u 2h, u 30m), or [d]eny? "
            asked = lasting if permission["capabilities"] else "[o]nce to go on, or [d]eny? "
            self._view.console.print(asked, end="", markup=False)
            line = await anext(self._answers, "d")
            decision, more = decided(line)
        if self._connection is not None:
            reply = {"id": permission["id"], "decision": decision, **more}
            await self._connection.send("permission.reply", **reply)

    async def cancel(self) -> bool:
        """Cancel the running turn; return ``False`` if none runs."""
        if self._turn is None or self._connection is None:
            return False
        await self._connection.send("cancel", turn=self._turn)
        return True

    def close(self) -> None:
        """Close the connection; the conversation stays."""
        if self._connection is not None:
            self._connection.close()


def decided(line: str) -> tuple[str, dict[str, str]]:
    """Return the decision that a typed *line* is, with the further fields of its reply.

    ``u 2h`` allows for two hours, ``u 30m`` for as many minutes, ``u`` alone for one hour.
    Whatever is none of the choices denies.
    """
    first, _, rest = line.strip().lower().partition(" ")
    decision = CHOICES.get(first[:1], "deny")
    if decision != "until":
        return decision, {}
    until = ends_at(rest.strip() or "1h")
    return ("deny", {}) if until is None else ("until", {"until": until})


async def typed_lines() -> AsyncIterator[str]:
    """Yield the lines of standard input as they arrive, without blocking the event loop."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    try:
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    except (ValueError, OSError):  # a plain file can't be polled
        for line in await asyncio.to_thread(sys.stdin.readlines):
            yield line
        return
    while line := await reader.readline():
        yield line.decode("utf-8", "replace")


async def run_chat(
    client: GatewayClient,
    console: Console,
    *,
    files: Sequence[Path],
    message: str | None,
    conversation: str | None,
    mode: str | None = None,
) -> int:
    """Chat until the user leaves (or, with *message*, for one turn); return the exit code."""
    answers = typed_lines()
    chat = Chat(client, TerminalView(console), answers if message is None or _tty() else None)
    loop = asyncio.get_running_loop()

    async def interrupted() -> None:
        if await chat.cancel():
            console.print("Cancelling …", style="yellow")
        else:
            console.print("\nType exit (or press Ctrl-D) to leave.", style="dim")

    tasks: set[asyncio.Task[None]] = set()

    def on_sigint() -> None:
        task = asyncio.create_task(interrupted())
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    loop.add_signal_handler(signal.SIGINT, on_sigint)
    try:
        await chat.open(files, conversation)
        if mode is not None:
            await chat.mode({"name": mode})
        if message is not None:
            finished = await chat.ask(message)
            return 0 if finished["status"] == "ok" else 1
        await _talk(chat, console, answers)
        return 0
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        chat.close()
        console.print(f"Conversation {chat.conversation}", style="dim")


def _tty() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


async def _talk(chat: Chat, console: Console, lines: AsyncIterator[str]) -> None:
    while True:
        console.print("[bold]>[/] ", end="")
        line = await anext(lines, None)
        if line is None or line.strip().lower() in LEAVE:
            console.print()
            return
        if COMMAND.match(line):
            await chat.command(line.strip())
        elif line.strip():
            await chat.ask(line.strip())
