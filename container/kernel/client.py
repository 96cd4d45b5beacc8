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
from container.messages import read_message, write_message

MESSAGE_ROOM_BYTES = 1024 * 1024
MOST_SENDING = 4
"""Messages in a socket's own line, where they may have any size; more wait in a `Channel`."""
FIRST_PROBE_SECONDS, LONGEST_PROBE_SECONDS = 0.05, 1.0
GREETING_SECONDS = 2.0
MOST_SOCKETS = 65_000
"""ZMQ's own limit; by default a context takes 1,023, a hundred kernels' worth."""


@functools.cache
def _context(message_bytes: int) -> zmq.asyncio.Context:
    """Return one ZMQ context, with its two threads, for all kernels of a size of message."""
    context = zmq.asyncio.Context()
    context.max_sockets = MOST_SOCKETS
    context.maxmsgsize = message_bytes
    context.sndhwm = MOST_SENDING
    return context


OnMessage = Callable[[dict[str, Any]], Awaitable[None]]
"""Takes one message, as `container.messages.read_message` gives it."""


class KernelClient(AsyncKernelClient):  # type: ignore[misc]
    """A client whose shell and control channels are open, and iopub if somebody listens.

    Attributes:
        disconnected: Is done once the iopub channel, or shell where there is none, has lost
            its connection: the kernel ended, or ZMQ refused a message. ZMQ answers a message
            over MAXMSGSIZE by closing the connection for good, together with whatever was
            still to come on it.

    Source: zmq_setsockopt(3), "ZMQ_MAXMSGSIZE"; zmq_socket_monitor(3).
    """

    disconnected: asyncio.Task[None]
    shell_channel_class = Type(Channel)
    control_channel_class = Type(Channel)
    stdin_channel_class = Type(Channel)
    _stdin_channel: Any

    def __init__(
        self, connection: dict[str, Any], output_bytes: int, heard: OnMessage | None = None
    ) -> None:
        """Connect.

        Args:
            connection: A connection file's content, as the shim gave it.
            output_bytes: The most one cell may print; a larger message is refused by ZMQ
                before it takes the service's memory.
            heard: Awaited with each message the kernel publishes, in order; a slow one slows
                the reading. It must not raise.
        """
        super().__init__(context=_context(output_bytes + MESSAGE_ROOM_BYTES))
        self.load_connection_info(connection)
        self.start_channels(iopub=heard is not None, stdin=False, hb=False)
        self._published = asyncio.Event()
        self._reading = None if heard is None else asyncio.create_task(self._read(heard))
        self._watched = (self.shell_channel if heard is None else self.iopub_channel).socket
        self._monitor = self._watched.get_monitor_socket(Event.DISCONNECTED)
        self.disconnected = asyncio.create_task(self._watch())

    @property
    def closed(self) -> bool:
        """Whether nothing can be sent or read any more."""
        return not self.shell_channel.is_alive()

    async def _read(self, heard: OnMessage) -> None:
        while True:
            message = await next_message(self.iopub_channel)
            self._published.set()
            await heard(message)

    async def _watch(self) -> None:
        await self._monitor.recv_multipart()

    async def ready(self) -> None:
        """Wait until the kernel answers and no output can be missed any more.

        The kernel's sockets must be bound. There is no time limit in here.
        """
        # An answered kernel_info says shell works; a status seen on iopub says that the
        # subscription is in force. Of many kernels started together, one in a few hundred
        # takes it up only with the next thing it sends, so it is soon asked again.
        retry = FIRST_PROBE_SECONDS
        while True:
            self._published.clear()
            self.kernel_info()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(retry):
                    await next_message(self.shell_channel)
                    if self._reading is not None:
                        await self._published.wait()
                    break
            retry = min(2 * retry, LONGEST_PROBE_SECONDS)

    async def open_stdin(self) -> None:
        """Connect the stdin channel, if it is not: to be done before a cell that may ask.

        The kernel asks whom it knows; what it asks before it knows this client is lost, and
        the cell waits for ever. A kernel that does not answer in time is asked all the same.

        Source: zmq_socket(3), "ZMQ_ROUTER": a message that can't be routed is dropped.
        """
        if self._stdin_channel is not None:
            return
        socket = self.context.socket(SocketType.DEALER)
        socket.linger, socket.identity = 1000, self.session.bsession
        greeting = socket.get_monitor_socket(Event.HANDSHAKE_SUCCEEDED)
        socket.connect(self._make_url("stdin"))
        self._stdin_channel = self.stdin_channel_class(socket, self.session, self.ioloop)
        try:
            async with asyncio.timeout(GREETING_SECONDS):
                await greeting.recv_multipart()
        except TimeoutError:
            pass
        finally:
            socket.disable_monitor()
            greeting.close(0)

    def send(self, message: Mapping[str, Any]) -> None:
        """Send *message* over the shell channel (see `container.messages.write_message`)."""
        self.shell_channel.send_frames(write_message(message, self.session.sign))

    def send_interrupt(self) -> None:
        """Ask for an interrupt over the control channel."""
        self.control_channel.send(self.session.msg("interrupt_request", {}))

    def close(self) -> None:
        """Close the channels."""
        self.disconnected.cancel()
        if self._reading is not None:
            self._reading.cancel()
        self._watched.disable_monitor()
        self._monitor.close(0)
        self.stop_channels()


async def next_message(channel: Any) -> dict[str, Any]:
    """Return the next message on *channel* that this kernel signed; others are passed over."""
    while True:
        frames = await channel.socket.recv_multipart()
        if (message := read_message(frames, channel.session.sign)) is not None:
            return message
