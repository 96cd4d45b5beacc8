"""Jupyter's client for one kernel, set up so that the kernel can't harm the service."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import zmq.asyncio
from jupyter_client.asynchronous.client import AsyncKernelClient
from zmq.constants import Event

MESSAGE_ROOM_BYTES = 1024 * 1024
PROBE_SECONDS = 1.0


def make_client(connection: dict[str, Any], output_bytes: int) -> AsyncKernelClient:
    """Return a client for *connection*, a connection file's content; channels not open yet.

    Args:
        connection: As the shim gave it.
        output_bytes: The most one cell may print; a larger message is refused by ZMQ
            before it takes the service's memory.
    """
    context = zmq.asyncio.Context()
    context.maxmsgsize = output_bytes + MESSAGE_ROOM_BYTES
    client = AsyncKernelClient(context=context)
    client.load_connection_info(connection)
    return client


async def open_channels(client: AsyncKernelClient) -> None:
    """Open shell, iopub and control, and wait until no output can be missed any more.

    The kernel's sockets must be bound. There is no time limit in here.
    """
    client.start_channels(stdin=False, hb=False)
    # An answered kernel_info says shell works; a status seen on iopub says that the
    # subscription is in force.
    while True:
        client.kernel_info()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PROBE_SECONDS):
                await next_message(client.shell_channel)
                await next_message(client.iopub_channel)
                break
    while await client.iopub_channel.msg_ready():
        await next_message(client.iopub_channel)


async def next_message(channel: Any) -> dict[str, Any]:
    """Return the next message on *channel* that this kernel signed.

    Code in the kernel can send what it likes, or put a link to another kernel's socket in
    the place of its own: what isn't a signed message is passed over.
    """
    while True:
        with contextlib.suppress(ValueError, KeyError, TypeError, IndexError):
            message: dict[str, Any] = await channel.get_msg()
            return message


async def connection_lost(channel: Any) -> None:
    """Return once *channel* has lost its connection: the kernel ended, or ZMQ refused a message.

    ZMQ answers a message over MAXMSGSIZE by closing the connection for good, together with
    whatever was still to come on it.

    Source: zmq_setsockopt(3), "ZMQ_MAXMSGSIZE"; zmq_socket_monitor(3).
    """
    monitor = channel.socket.get_monitor_socket(Event.DISCONNECTED)
    try:
        await monitor.recv_multipart()
    finally:
        channel.socket.disable_monitor()


def send_interrupt(client: AsyncKernelClient) -> None:
    """Ask for an interrupt over the control channel."""
    client.control_channel.send(client.session.msg("interrupt_request", {}))


def close_client(client: AsyncKernelClient) -> None:
    """Close the channels and ZMQ's context."""
    client.stop_channels()
    client.context.destroy(linger=0)
