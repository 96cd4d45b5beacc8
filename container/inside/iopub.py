"""What the kernel publishes: in order, whole, and with as few changes of thread as can be.

ipykernel has a thread of its own publish everything. A thread that has to wake up, and that
needs the interpreter the cell is running in, makes each message late and the cell slow. Here
the main thread sends what it has to say itself; the thread is left with what is printed, with
other threads' outputs and with whatever has to come behind those.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import traceback

# signal's own makes a name of each number, which takes longer than the call.
from _signal import SIG_BLOCK, SIG_SETMASK, pthread_sigmask  # type: ignore[import-not-found]
from collections.abc import Iterator
from signal import valid_signals
from typing import Any

from inside import reserve  # type: ignore[import-not-found]
from inside.frames import send_frames  # type: ignore[import-not-found]
from ipykernel.iostream import IOPubThread, OutStream
from zmq.constants import PollEvent, SocketOption, SocketType
from zmq.eventloop.zmqstream import ZMQStream
from zmq.sugar.context import Context
from zmq.sugar.socket import Socket

PIECE_CHARACTERS = 64 * 1024
LOOK_EVERY = 16
LOST = "Some of what was printed is lost: there was no memory left to send it.\n"
READABLE = int(PollEvent.POLLIN)
SIGNALS = frozenset(int(number) for number in valid_signals())


@contextlib.contextmanager
def signals_held() -> Iterator[None]:
    """Let this thread's signals wait until the block ends.

    In the main thread that keeps a signal's handler from raising in the middle of the block,
    unless a thread of the user's takes the signal in its place.
    """
    mask = pthread_sigmask(SIG_BLOCK, ())
    try:
        pthread_sigmask(SIG_BLOCK, SIGNALS)
        yield
    finally:
        pthread_sigmask(SIG_SETMASK, mask)


class SharedSocket(Socket[bytes]):  # type: ignore[misc]
    """A socket that two threads use, one at a time.

    Source: zmq(7), "Thread safety": a socket may change threads with a full memory barrier.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        object.__setattr__(self, "_turn", threading.RLock())

    def get(self, option: int) -> Any:
        with self._turn:
            return super().get(option)

    def send_multipart(self, msg_parts: Any, flags: int = 0, copy: bool = True, **more: Any) -> Any:  # noqa: FBT001, FBT002 (pyzmq's)
        with self._turn:
            if flags or not copy or more or any(type(part) is not bytes for part in msg_parts):
                return super().send_multipart(msg_parts, flags, copy, **more)
            send_frames(self, msg_parts)
            return None

    def recv_multipart(self, *args: Any, **options: Any) -> Any:
        with self._turn:
            return super().recv_multipart(*args, **options)


class Publisher(IOPubThread):  # type: ignore[misc]
    """Publishes at once what the main thread sends, if nothing is on its way before it.

    What forked children print comes over a unix socket: there is no network here.
    """

    _handling = False
    sending = False
    """The main thread is amid a message: an interrupt that comes now is left in `interrupted`."""
    interrupted = False

    def __init__(self, socket: SharedSocket, **options: Any) -> None:
        """Publish on *socket*; to be made in the main thread of the kernel's process."""
        super().__init__(socket, **options)
        self._main = threading.get_ident()
        # What wakes the thread for this one takes a descriptor, and a cell can use up all.
        self._wake = self._event_pipe
        os.register_at_fork(after_in_child=lambda: setattr(PiecewiseStream, "forked", True))

    def _is_master_process(self) -> bool:
        return not PiecewiseStream.forked

    def _handle_event(self, msg: Any) -> None:
        self._handling = True  # before anything is taken from the line
        try:
            for _ in range(len(self._events)):
                try:
                    self._events.popleft()()
                except Exception:  # noqa: BLE001 (ipykernel's would leave what is behind it in line)
                    with contextlib.suppress(Exception):
                        traceback.print_exc(file=sys.__stderr__)
        finally:
            self._handling = False

    def _really_send(self, *args: Any, **options: Any) -> None:
        reserve.give_up_if_short()
        super()._really_send(*args, **options)

    def send_multipart(self, *args: Any, **options: Any) -> None:
        # First the line, then whether something taken from it is still in hand.
        waits = self._events or self._handling
        if waits or PiecewiseStream.forked or threading.get_ident() != self._main:
            super().send_multipart(*args, **options)
            return
        self.sending = True  # half a message would spoil the next one too
        try:
            with signals_held():
                self._send_now(*args, **options)
        finally:
            self.sending = False
            if self.interrupted:
                self.interrupted = False
                raise KeyboardInterrupt
        # ZMQ's thread was woken for each subscriber; woken twice on this processor, it would
        # wait for the cell to sleep.
        os.sched_yield()

    def _send_now(self, *args: Any, **options: Any) -> None:
        self._really_send(*args, **options)
        # To send can use up what would have woken the thread for a subscription.
        if not self.closed and self.socket.get(SocketOption.EVENTS) & READABLE:
            self.schedule(lambda: self._xpub_stream._handle_events(None, 0))

    def _setup_pipe_in(self) -> None:
        self._pipe_uuid = os.urandom(16)
        self._pipe_path = f"ipc:///tmp/.children-{os.urandom(6).hex()}"
        pipe = self.socket.context.socket(SocketType.PULL)
        pipe.linger = 0
        pipe.bind(self._pipe_path)
        self._pipe_in = ZMQStream(pipe, self.io_loop)
        self._pipe_in.on_recv(self._handle_pipe_msg)

    def _setup_pipe_out(self) -> tuple[Any, Any]:
        context: Any = Context()
        pipe = context.socket(SocketType.PUSH)
        pipe.linger = 3000
        pipe.connect(self._pipe_path)
        return context, pipe


class PiecewiseStream(OutStream):  # type: ignore[misc]
    """Sends a flood in pieces, and makes its writer wait for them.

    One message of it all would be refused for its size, and what waits to be sent
    would fill the kernel's memory. A print comes through here twice, so what is done for
    each write is felt: the buffer is looked at now and then only.
    """

    _writes = 0
    _flushing = False
    _last: tuple[Any, frozenset[Any]] = (None, frozenset())
    forked = False

    def write(self, string: str) -> int | None:
        """Write *string* for the cell that runs; ipykernel looks for its buffer anew each time."""
        odd = type(string) is not str or self.echo is not None or self.pub_thread is None
        if odd or self.forked:
            written: int | None = super().write(string)
            return written
        parent = self.parent_header
        known, key = self._last
        if parent is not known:
            key = frozenset(parent.items())
            self._last = (parent, key)
        with self._buffer_lock:
            self._buffers[key].write(string)
        self._schedule_flush()
        return len(string)

    def _is_master_process(self) -> bool:
        # For each write the process id is asked for; behind a filter a call has its price.
        return not self.forked

    def _schedule_flush(self) -> None:
        if not self._flush_pending:
            super()._schedule_flush()
            return
        self._writes += 1
        if self._writes % LOOK_EVERY == 0:
            waiting = 0
            for buffer in list(self._buffers.values()):
                with contextlib.suppress(ValueError):  # closed: it is being sent just now
                    waiting += buffer.tell()
            if waiting >= PIECE_CHARACTERS:
                super().flush()

    def _flush_buffers(self) -> Iterator[tuple[Any, str]]:
        for parent, text in super()._flush_buffers():
            for start in range(0, len(text), PIECE_CHARACTERS):
                yield parent, text[start : start + PIECE_CHARACTERS]

    def _flush(self) -> None:
        self._flushing = True  # before nothing is pending any more
        try:
            reserve.give_up_if_short()
            super()._flush()
        except MemoryError:
            content = {"name": "stderr", "text": LOST}
            self.session.send(self.pub_thread, "stream", content, self.parent_header, self.topic)
        finally:
            self._flushing = False

    def flush(self) -> None:
        """Send what was written; each cell asks six times, mostly for nothing.

        What is in line already goes out before anything the kernel sends next.
        """
        if self._flush_pending or self._flushing or not self._is_master_process():
            super().flush()
