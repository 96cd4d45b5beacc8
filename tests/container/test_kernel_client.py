"""Jupyter's client for one kernel: nothing the kernel says or asks is lost on the way."""

import asyncio
import contextlib
import select

import pytest

from container.kernel.client import KernelClient, next_message

SLOW_CHANNEL = 99
"""Stands in the socket's name in place of a channel's number."""


async def ignore(message):
    pass


@contextlib.asynccontextmanager
async def slow_way_to(connection, channel, seconds):
    """Give *connection* a way to one of its channels that takes *seconds* to begin with."""
    ways = []

    async def pump(reader, writer):
        while chunk := await reader.read(65536):
            writer.write(chunk)
            await writer.drain()

    async def kernel_channels(reader, writer):
        ways.append(asyncio.current_task())
        await asyncio.sleep(seconds)
        path = f"{connection['ip']}-{connection[f'{channel}_port']}"
        far_reader, far_writer = await asyncio.open_unix_connection(path)
        try:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))
        finally:
            writer.close()
            far_writer.close()

    server = await asyncio.start_unix_server(kernel_channels, f"{connection['ip']}-{SLOW_CHANNEL}")
    try:
        yield {**connection, f"{channel}_port": SLOW_CHANNEL}
    finally:
        server.close()
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)


@pytest.fixture
def connect():
    """Makes clients of kernels and closes them."""
    with contextlib.ExitStack() as clients:

        def connect(connection, on_reply=print):
            client = KernelClient(connection, 1_000_000, ignore, on_reply)
            clients.callback(client.close)
            return client

        yield connect


async def test_what_a_cell_asks_at_once_is_heard_however_slowly_the_channel_opens(
    start_kernel, connect
):
    kernel = await start_kernel()

    async with slow_way_to(kernel.session.connection, "stdin", 0.5) as connection:
        client = connect(connection)
        await client.ready()
        client.open_stdin()
        client.execute("input('who? ')", allow_stdin=True)
        async with asyncio.timeout(10):
            asked = await next_message(client.stdin_channel)

    assert asked["content"]["prompt"] == "who? "


@pytest.mark.parametrize("channel", ["shell", "control"])
async def test_a_reply_that_comes_in_the_moment_something_is_sent_is_heard(
    start_kernel, connect, channel
):
    kernel = await start_kernel()
    replies = asyncio.Queue()
    client = connect(kernel.session.connection, replies.put_nowait)
    await client.ready()
    way = getattr(client, f"{channel}_channel")
    first, second = (client.session.msg("kernel_info_request") for _ in range(2))

    await asyncio.sleep(0.05)  # until nothing but a reply ends the waiting
    way.send(first)
    select.select([way.socket.fileno()], [], [], 10)  # it comes, and the loop can't see that
    way.send(second)
    async with asyncio.timeout(10):
        received = [await replies.get(), await replies.get()]

    asked = [message["header"]["msg_id"] for message in (first, second)]
    assert [reply["parent_header"]["msg_id"] for reply in received] == asked
    assert {reply["channel"] for reply in received} == {channel}
