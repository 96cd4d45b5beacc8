"""The shim looks after its kernels' sockets now and then: nothing stays lying."""

import asyncio

import pytest
from zmq.constants import Flag, SocketOption, SocketType
from zmq.error import Again
from zmq.sugar.context import Context

from container.shim.socket_poller import LOOK_SECONDS, QUIET_LOOKS, SocketPoller

pytestmark = pytest.mark.check


@pytest.fixture
async def poller():
    made = SocketPoller()
    yield made
    await made.aclose()


class Line:
    """Two sockets: what is sent into one comes out of the other, *at_once* a look."""

    def __init__(self, context, name, at_once=1000):
        self.sending, self._reading = (
            context.socket(SocketType.PAIR),
            context.socket(SocketType.PAIR),
        )
        self._reading.bind(f"inproc://{name}")
        self.sending.connect(f"inproc://{name}")
        self.descriptor = self._reading.get(SocketOption.FD)
        self.heard, self._at_once, self._news = [], at_once, asyncio.Event()

    def look(self):
        self._news.set()
        for _ in range(self._at_once):
            try:
                self.heard.append(self._reading.recv(Flag.DONTWAIT))
            except Again:
                return False
        return True

    def close(self):
        self.sending.close(0)
        self._reading.close(0)

    async def until(self, count):
        async with asyncio.timeout(20):
            while len(self.heard) < count:
                self._news.clear()
                await self._news.wait()
        return self.heard


@pytest.fixture
def new_line(poller):
    context, lines = Context(), []

    def new(name, **options):
        lines.append(Line(context, name, **options))
        return lines[-1]

    yield new
    for line in lines:
        line.close()
    context.term()


async def test_what_comes_in_is_taken_from_each_socket(poller, new_line):
    lines = [new_line(name) for name in ("a", "b")]
    for line in lines:
        poller.watch(line.descriptor, line.look)

    for text in (b"1", b"2", b"3"):
        for line in lines:
            line.sending.send(text)
            await line.until(int(text))

    assert [line.heard for line in lines] == [[b"1", b"2", b"3"]] * 2


async def test_what_came_before_it_was_watched_is_taken_too(poller, new_line):
    line = new_line("a")
    line.sending.send(b"early")

    poller.watch(line.descriptor, line.look)

    assert await line.until(1) == [b"early"]


async def test_a_look_that_left_something_goes_on_without_news(poller, new_line):
    line = new_line("a", at_once=2)
    poller.watch(line.descriptor, line.look)

    for number in range(9):
        line.sending.send(b"%d" % number)

    assert await line.until(9) == [b"%d" % number for number in range(9)]


async def test_what_comes_after_a_long_silence_is_taken(poller, new_line):
    line = new_line("a")
    poller.watch(line.descriptor, line.look)
    line.sending.send(b"1")
    await line.until(1)

    await asyncio.sleep(1.2 * LOOK_SECONDS * QUIET_LOOKS)  # by then nobody looks any more
    line.sending.send(b"2")

    assert await line.until(2) == [b"1", b"2"]


async def test_a_socket_that_is_forgotten_is_left_alone(poller, new_line):
    gone, stays = new_line("a"), new_line("b")
    for line in (gone, stays):
        poller.watch(line.descriptor, line.look)
    await asyncio.sleep(0)

    poller.forget(gone.descriptor)
    gone.sending.send(b"unheard")
    stays.sending.send(b"heard")
    await stays.until(1)

    assert gone.heard == []
