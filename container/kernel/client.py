"""Jupyter's client for one kernel, set up so that the kernel can't harm the service."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import zmq.asyncio
from jupyter_client.asynchronous.client import AsyncKernelClient
from traitlets import Type
from zmq.constants import Event, SocketType

from container.kernel.channel import Channel
from container.messages import KernelMessage, read_message, write_message

MESSAGE_ROOM_BYTES = 1024 * 1024
MOST_SENDING = 4
"""Messages queued in a socket, of any size; further ones wait in a `Channel`."""
FIRST_PROBE_SECONDS, LONGEST_PROBE_SECONDS = 0.05, 1.0
MOST_SOCKETS = 65_000
"""ZMQ's maximum; the default of 1,023 suffices for a hundred kernels."""


@functools.cache
def _context(message_bytes: int) -> zmq.asyncio.Context:
    """Return the ZMQ context, with its two threads, shared by kernels of one message size."""
    context = zmq.asyncio.Context()
    context.max_sockets = MOST_SOCKETS
    context.maxmsgsize = message_bytes
    context.sndhwm = MOST_SENDING
    return context


OnMessage = Callable[[KernelMessage], Awaitable[None]]
"""Receives one message, as `container.messages.read_message` returns it."""
OnReply = Callable[[KernelMessage], None]
"""Receives one reply, with its channel."""
REPLYING = ("shell", "control")
"""The channels on which a kernel replies to requests."""


class KernelClient(AsyncKernelClient):  # type: ignore[misc]
    """A client with open shell, control and iopub channels.

    Attributes:
        disconnected: Done once the iopub channel has lost its connection: the kernel ended, or
            ZMQ refused a message. ZMQ closes the connection when a message exceeds MAXMSGSIZE;
            messages behind it are lost.

    Source: zmq_setsockopt(3), "ZMQ_MAXMSGSIZE"; zmq_socket_monitor(3).
    """

    disconnected: asyncio.Task[None]
    shell_channel_class = Type(Channel)
    control_channel_class = Type(Channel)
    stdin_channel_class = Type(Channel)
    _stdin_channel: Any

    def __init__(
        self,
        connection: dict[str, Any],
        output_bytes: int,
        on_message: OnMessage,
        on_reply: OnReply,
    ) -> None:
        """Connect.

        Args:
            connection: A connection file's content, from the shim.
            output_bytes: The most one cell may print; ZMQ refuses a larger message before
                it takes the service's memory.
            on_message: Awaited with each iopub message, in order; while it runs, no further
                one is read. It must not raise.
            on_reply: Called with each reply on shell or control that `expect` does not name.
        """
        super().__init__(context=_context(output_bytes + MESSAGE_ROOM_BYTES))
        self.load_connection_info(connection)
        self.start_channels(stdin=False, hb=False)
        self._published = asyncio.Event()
        self._expected: dict[tuple[str, str, str], OnReply] = {}
        self._on_reply = on_reply
        self._reading = [
            asyncio.create_task(self._read_published(on_message)),
            *(asyncio.create_task(self._read_replies(name)) for name in REPLYING),
        ]
        self._monitor = self.iopub_channel.socket.get_monitor_socket(Event.DISCONNECTED)
        self.disconnected = asyncio.create_task(self._watch())

    @property
    def closed(self) -> bool:
        """Whether the channels are closed."""
        return not self.shell_channel.is_alive()

    async def _read_published(self, on_message: OnMessage) -> None:
        while True:
            message = await next_message(self.iopub_channel)
            self._published.set()
            await on_message(message)

    async def _read_replies(self, name: str) -> None:
        channel = getattr(self, f"{name}_channel")
        while True:
            message: KernelMessage = {**await next_message(channel), "channel": name}
            asked = str(message["parent_header"].get("msg_id"))
            key = (name, message["header"]["msg_type"], asked)
            self._expected.pop(key, self._on_reply)(message)

    def expect(self, kind: str, message_id: str, on_reply: OnReply) -> None:
        """Call *on_reply*, in place of the one for all, with a reply on shell.

        Args:
            kind: Its type. Clients choose their message ids: another request may have this one.
            message_id: The request it answers.
            on_reply: Called once.
        """
        self._expected["shell", kind, message_id] = on_reply

    def forget(self, kind: str, message_id: str) -> None:
        """Expect no reply to the request *message_id* any more."""
        self._expected.pop(("shell", kind, message_id), None)

    async def _watch(self) -> None:
        await self._monitor.recv_multipart()

    async def ready(self) -> None:
        """Wait until the kernel answers and its outputs are received.

        The kernel's sockets must be bound. The caller sets the time limit.
        """
        # A kernel_info_reply shows that shell works; a status on iopub shows that the
        # subscription is in force. One kernel in a few hundred applies the subscription
        # only with the next message it publishes, so ask again soon.
        retry, answered = FIRST_PROBE_SECONDS, asyncio.Event()
        while True:
            self._published.clear()
            self.expect("kernel_info_reply", self.kernel_info(), lambda _: answered.set())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(retry):
                    await answered.wait()
                    await self._published.wait()
                    break
            retry = min(2 * retry, LONGEST_PROBE_SECONDS)

    def open_stdin(self) -> None:
        """Connect the stdin channel if it is not connected; call it before a cell may ask."""
        if self._stdin_channel is not None:
            return
        socket = self.context.socket(SocketType.DEALER)
        socket.linger, socket.identity = 1000, self.session.bsession
        socket.connect(self._make_url("stdin"))
        self._stdin_channel = self.stdin_channel_class(socket, self.session, self.ioloop)

    def takes_more(self, channel: str) -> bool:
        """Whether *channel* (shell, control or stdin) has room for more."""
        to: Channel = getattr(self, f"{channel}_channel")
        return to.takes_more

    def send(self, message: Mapping[str, Any], channel: str = "shell") -> None:
        """Send *message* (see `container.messages.write_message`) over shell, control or stdin."""
        to: Channel = getattr(self, f"{channel}_channel")
        to.send_frames(write_message(message, self.session.sign))

    def send_interrupt(self) -> None:
        """Send an ``interrupt_request`` over the control channel."""
        self.control_channel.send(self.session.msg("interrupt_request", {}))

    def close(self) -> None:
        """Close the channels."""
        self.disconnected.cancel()
        for task in self._reading:
            task.cancel()
        self.iopub_channel.socket.disable_monitor()
        self._monitor.close(0)
        self.stop_channels()


async def next_message(channel: Any) -> KernelMessage:
    """Return the next message on *channel* that this kernel signed; skip others."""
    while True:
        frames = await channel.socket.recv_multipart()
        if (message := read_message(frames, channel.session.sign)) is not None:
            return message
