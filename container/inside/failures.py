"""Handle a cell that ends by an error or by exit(): show it, and release its data."""

from __future__ import annotations

import contextlib
import errno
import gc
import inspect
import os
import sys
import warnings
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Any

from inside import confine, reserve  # type: ignore[import-not-found]
from ipykernel.zmqshell import ZMQExitAutocall

READ_ONLY = "Read-only file system (uploads in inputs/ stay as they are; write to outputs/)"
ENDED = "The cell ended itself here ({}): the rest of it did not run. Variables are kept."
NO_MEMORY = "the cell asked for more memory than is left for this kernel"
NO_THREAD = "can't start new thread"
THREAD_BYTES = 24 * 1024 * 1024
"""A thread's stack, and the reserve that is released when the error is shown."""
_SUSPENDABLE = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


class EndCell(ZMQExitAutocall):  # type: ignore[misc]
    """``exit`` and ``quit`` in a cell: they end the cell, not the kernel."""

    rewrite = False

    def __call__(self, code: object = None) -> None:
        raise SystemExit() if code is None else SystemExit(code)

    def __repr__(self) -> str:
        return "exit() ends the cell; the kernel goes on, and variables are kept."


def apply(shell: Any) -> None:
    """Make *shell*, IPython's interactive shell, release the data of a failed cell."""
    shell.exiter = shell.ask_exit = EndCell(shell)
    for names in (shell.user_ns, shell.user_ns_hidden):
        names["exit"] = names["quit"] = shell.exiter
    warnings.filterwarnings("ignore", message="To exit: use 'exit', 'quit', or Ctrl-D.")
    show, run_code = shell.showtraceback, shell.run_code

    shown: tuple[BaseException | None, list[str]] = (None, [])

    def showtraceback(exc_tuple: Any = None, *args: Any, **options: Any) -> None:
        nonlocal shown
        reserve.give_up()  # before anything that allocates memory
        error = (sys.exc_info() if exc_tuple is None else exc_tuple)[1]
        if error is None and shown[0] is not None and shown[0] is getattr(sys, "last_value", None):
            # %tb: show the kept text again, as the frames have been released.
            shell._showtraceback(type(shown[0]), *shown)
            return
        errors = _with_its_causes(error)
        _name_reason(error)
        if isinstance(error, SystemExit):
            how = f"SystemExit: {error}" if str(error) else "SystemExit"
            shell._showtraceback(type(error), error, [ENDED.format(how)])
        elif any(isinstance(each, MemoryError) for each in errors):
            with _little_memory(shell, errors):
                show(exc_tuple, *args, **options)
        else:
            show(exc_tuple, *args, **options)
        release_frames(errors)
        shown = error, shell._last_traceback

    async def run_code_within(*args: Any, **options: Any) -> Any:
        reserve.keep()
        try:
            return await run_code(*args, **options)
        finally:
            reserve.give_up()

    shell.showtraceback, shell.run_code = showtraceback, run_code_within


@contextlib.contextmanager
def _little_memory(shell: Any, errors: list[BaseException]) -> Iterator[None]:
    """Free memory before *errors* are shown, and show them in IPython's plain mode.

    Its default mode reads and parses every source file of the traceback.
    """
    release_frames(errors)
    gc.collect()
    mode = shell.InteractiveTB.mode
    shell.InteractiveTB.set_mode(mode="Plain")
    try:
        yield
    finally:
        shell.InteractiveTB.set_mode(mode=mode)


def _name_reason(error: BaseException | None) -> None:
    """Add the reason to an error of memory, of writing to ``inputs/``, of starting a thread."""
    if type(error) is RuntimeError and error.args == (NO_THREAD,):
        try:
            bytes(THREAD_BYTES)
        except MemoryError:
            error.args = (f"{NO_THREAD}: not enough memory",)
    if type(error) is MemoryError and not error.args:
        error.args = (NO_MEMORY,)
    if not isinstance(error, OSError) or error.errno != errno.EROFS:
        return
    for name in (error.filename, error.filename2):
        if isinstance(name, str) and os.path.abspath(name).startswith(confine.INPUTS):
            error.strerror = READ_ONLY


def _with_its_causes(error: BaseException | None) -> list[BaseException]:
    """Return *error* with its causes, contexts and, for groups, members, recursively."""
    found: list[BaseException] = []
    waiting, known = [error], {id(None)}
    while waiting:
        error = waiting.pop()
        if error is None or id(error) in known:
            continue
        known.add(id(error))
        found.append(error)
        waiting += (_field(error, name) for name in ("__cause__", "__context__"))
        if isinstance(error, BaseExceptionGroup):
            waiting += BaseExceptionGroup.exceptions.__get__(error)
    return found


def _field(error: BaseException, name: str) -> Any:
    """Return attribute *name* of *error*, bypassing overrides in the user's class."""
    return vars(BaseException)[name].__get__(error)


def release_frames(errors: list[BaseException]) -> None:
    """Release the variables of the frames that *errors* came through.

    The tracebacks stay and can be shown again. IPython, `sys` and the errors keep them, and
    would keep all data of the failed functions alive.
    """
    frames: list[FrameType] = []
    for error in errors:
        trace: TracebackType | None = _field(error, "__traceback__")
        while trace is not None:
            frames.append(trace.tb_frame)
            trace = trace.tb_next
    suspended = _suspended(frames)
    for frame in frames:
        if id(frame) not in suspended:
            with contextlib.suppress(RuntimeError):  # a frame that still runs
                frame.clear()


def _suspended(frames: list[FrameType]) -> set[int]:
    """Return the ids of suspended *frames*: clearing one would end its generator."""
    candidates = [frame for frame in frames if frame.f_code.co_flags & _SUSPENDABLE]
    if not candidates:
        return set()
    own = {id(candidates), id(frames)}
    return {
        id(frame)
        for frame in candidates
        for holder in gc.get_referrers(frame)
        if id(holder) not in own and _frame_of(holder) is frame
    }


def _frame_of(holder: object) -> object:
    if inspect.isgenerator(holder):
        return holder.gi_frame
    if inspect.iscoroutine(holder):
        return holder.cr_frame
    return holder.ag_frame if inspect.isasyncgen(holder) else None
