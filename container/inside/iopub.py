"""Publish the kernel's messages in order, whole, and with few thread switches.

ipykernel publishes everything in a thread of its own. Waking that thread, which competes with
the cell for the GIL, delays each message and slows the cell. Here the main thread sends its
own messages; the thread sends printed text, other threads' outputs, and messages behind those.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
import traceback

# The signal module's own wrapper converts each number to an enum, which is slower than the call.
from _signal import SIG_BLOCK, SIG_SETMASK, pthread_sigmask  # type: ignore[import-not-found]
from collections.abc import Iterator
from signal import valid_signals
from typing import Any

from inside import patches, redraws, reserve  # type: ignore[import-not-found]
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
SEND_FRAMES, SEND_DIRECTLY = patches.wanted("frames"), patches.wanted("direct")
SKIP_FLUSHES = patches.wanted("flush")
SIGNALS = frozenset(int(number) for number in valid_signals())


@contextlib.contextmanager
def signals_held() -> Iterator[None]:
    """Block this thread's signals until the block ends.

    In the main thread this keeps a signal handler from raising within the block, unless one
    of the user's threads receives the signal.
    """
    mask = pthread_sigmask(SIG_BLOCK, ())
    try:
        pthread_sigmask(SIG_BLOCK, SIGNALS)
        yield
    finally:
        pthread_sigmask(SIG_SETMASK, mask)


class SharedSocket(Socket[bytes]):  # type: ignore[misc]
    """A socket that two threads use under a lock.

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
            odd = flags or not copy or more or not SEND_FRAMES
            if odd or any(type(part) is not bytes for part in msg_parts):
                return super().send_multipart(msg_parts, flags, copy, **more)
            send_frames(self, msg_parts)
            return None

    def recv_multipart(self, *args: Any, **options: Any) -> Any:
        with self._turn:
            return super().recv_multipart(*args, **options)


class Publisher(IOPubThread):  # type: ignore[misc]
    """Sends the main thread's messages directly, unless earlier ones are queued.

    Forked children's output arrives over a unix socket, as there is no network here.
    """

    _handling = False
    sending = False
    """The main thread is sending; an interrupt now sets `interrupted` instead of raising."""
    interrupted = False

    def __init__(self, socket: SharedSocket, **options: Any) -> None:
        """Publish on *socket*; call it in the main thread of the kernel's process."""
        super().__init__(socket, **options)
        self._main = threading.get_ident()
        # The pipe that wakes the thread takes a descriptor; open it before a cell uses up all.
        self._wake = self._event_pipe
        os.register_at_fork(after_in_child=lambda: setattr(PiecewiseStream, "forked", True))

    def _is_master_process(self) -> bool:
        return not PiecewiseStream.forked

    def _handle_event(self, msg: Any) -> None:
        self._handling = True  # before an event is taken from the queue
        try:
            for _ in range(len(self._events)):
                try:
                    self._events.popleft()()
                except Exception:  # noqa: BLE001 (else the events behind it stay queued)
                    with contextlib.suppress(Exception):
                        traceback.print_exc(file=sys.__stderr__)
        finally:
            self._handling = False

    def _really_send(self, *args: Any, **options: Any) -> None:
        reserve.give_up_if_short()
        super()._really_send(*args, **options)

    def send_multipart(self, *args: Any, **options: Any) -> None:
        # Check the queue first: an event taken from it has set `_handling` before.
        waits = self._events or self._handling or not SEND_DIRECTLY
        if waits or PiecewiseStream.forked or threading.get_ident() != self._main:
            super().send_multipart(*args, **options)
            return
        self.sending = True  # a partly sent message would corrupt the next one too
        try:
            with signals_held():
                self._send_now(*args, **options)
        finally:
            self.sending = False
            if self.interrupted:
                self.interrupted = False
                raise KeyboardInterrupt
        # Let ZMQ's I/O thread run now; on this processor it might else wait until the cell
        # sleeps.
        os.sched_yield()

    def _send_now(self, *args: Any, **options: Any) -> None:
        self._really_send(*args, **options)
        # A send can consume ZMQ's edge-triggered notice of a new subscription.
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
    """Sends large output in pieces, and blocks the writer until they are sent.

    A single message would be refused for its size, and unsent text would fill the kernel's
    memory. A print calls `write` twice, so the size is checked only every `LOOK_EVERY` writes.
    """

    _writes = 0
    _redraws = _held = False
    _sent_at = 0.0
    _flushing = False
    _last: tuple[Any, frozenset[Any]] = (None, frozenset())
    forked = False

    def write(self, string: str) -> int | None:
        """Write *string* for the running cell; unlike ipykernel, cache the buffer's key."""
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
        self._redraws = (self._redraws or string.startswith("\r")) and "\n" not in string
        self._schedule_flush()
        if self._held and not self._redraws:  # the line is finished: as it would be by the flush
            self.flush()
        return len(string)

    def _is_master_process(self) -> bool:
        # ipykernel calls getpid for each write, and a seccomp filter makes each call slower.
        return not self.forked

    def _schedule_flush(self) -> None:
        if not self._flush_pending:
            super()._schedule_flush()
            return
        self._writes += 1
        if self._writes % LOOK_EVERY == 0:
            waiting = 0
            for buffer in list(self._buffers.values()):
                with contextlib.suppress(ValueError):  # closed: it is being sent
                    waiting += buffer.tell()
            if waiting >= PIECE_CHARACTERS:
                super().flush()

    def _flush_buffers(self) -> Iterator[tuple[Any, str]]:
        for parent, text in super()._flush_buffers():
            text = redraws.without_covered(text)
            for start in range(0, len(text), PIECE_CHARACTERS):
                yield parent, text[start : start + PIECE_CHARACTERS]

    def _flush(self) -> None:
        self._flushing = True  # before the base class clears `_flush_pending`
        try:
            reserve.give_up_if_short()
            super()._flush()
        except MemoryError:
            content = {"name": "stderr", "text": LOST}
            self.session.send(self.pub_thread, "stream", content, self.parent_header, self.topic)
        finally:
            self._flushing = False

    def flush(self) -> None:
        """Send what was written, if anything: a cell calls this six times, mostly in vain.

        Text already queued is sent before the kernel's next message. When code flushes a line
        that it redraws, the text waits for the next regular moment: the kernel's own calls, which
        precede its messages, always send.
        """
        if self._redraws and self._flush_pending and not self.forked:
            now = time.monotonic()
            own = sys._getframe(1).f_globals.get("__name__", "").startswith("ipykernel")
            if not own and now - self._sent_at < redraws.SECONDS:
                self._held = True
                return
            self._sent_at = now
        self._held = False
        needed = self._flush_pending or self._flushing or not SKIP_FLUSHES
        if needed or not self._is_master_process():
            super().flush()
