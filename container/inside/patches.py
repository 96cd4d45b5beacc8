"""The changes this package makes to ipykernel, IPython and pyzmq: reasons and gains.

A gain is measured on a round trip of ``1+1``: the fastest tenth of 600 with and 600 without the
patch, alternating in one kernel. A gain below 3 % is not worth a patch. Speed patches can be
turned off, to measure them or to find a fault: name them in `SWITCH`, separated by commas.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

SWITCH = "TALLYBOOK_KERNEL_WITHOUT"


@dataclass(frozen=True, slots=True)
class Patch:
    """One change of behaviour.

    Attributes:
        reason: The fault, or the wasted work, without it.
        replaces: The functions it replaces or relies on, as ``module:name``; a test fails when
            the source of one changes.
        gain_percent: The time it saves; ``None`` if it is not a speed patch.
    """

    reason: str
    replaces: tuple[str, ...]
    gain_percent: int | None = None


PATCHES = {
    "awaiting": Patch(
        "Cells that await get no signal, and remember an earlier cell's failed display.",
        ("ipykernel.ipkernel:IPythonKernel.do_execute",),
    ),
    "cell_text": Patch(
        "What the risk check read is what runs: no magic or macro by a lone name.",
        ("IPython.core.prefilter:PrefilterManager.prefilter_lines",),
    ),
    "python_as_it_is": Patch(
        "Text that is Python already is taken apart by some ten transformers, twice a cell.",
        ("IPython.core.inputtransformer2:TransformerManager.transform_cell",),
        5,
    ),
    "failures": Patch(
        "A failed cell keeps the data of its functions; exit() ends the kernel, and says ok.",
        (
            "IPython.core.interactiveshell:InteractiveShell.showtraceback",
            "IPython.core.interactiveshell:InteractiveShell.run_code",
            "ipykernel.zmqshell:ZMQInteractiveShell._showtraceback",
            "ipykernel.zmqshell:ZMQInteractiveShell.ask_exit",
        ),
    ),
    "interrupts": Patch(
        "An interrupt before or after the user's code loses the reply, or ends the kernel.",
        (
            "ipykernel.ipkernel:IPythonKernel._cancel_on_sigint",
            "ipykernel.kernelbase:Kernel.pre_handler_hook",
            "ipykernel.kernelbase:Kernel.post_handler_hook",
        ),
    ),
    "start": Patch(
        "A task that calls sys.exit() ends the event loop, and the kernel with it.",
        ("ipykernel.kernelapp:IPKernelApp.start",),
    ),
    "events": Patch(
        "One output that can't be sent leaves all behind it waiting for the next.",
        ("ipykernel.iostream:IOPubThread._handle_event",),
    ),
    "pieces": Patch(
        "A flood of text is one message, refused for its size, or fills the kernel's memory.",
        (
            "ipykernel.iostream:OutStream.write",
            "ipykernel.iostream:OutStream._schedule_flush",
            "ipykernel.iostream:OutStream._flush",
            "ipykernel.iostream:OutStream._flush_buffers",
        ),
    ),
    "threads": Patch(
        "What a thread prints is counted to the cell that runs then, not to its own.",
        (
            "ipykernel.iostream:OutStream.set_thread_parent",
            "ipykernel.zmqshell:ZMQInteractiveShell.set_thread_parent",
        ),
    ),
    "redraws": Patch(
        "A progress bar that is flushed at each step is thousands of messages, and stops the cell.",
        ("ipykernel.iostream:OutStream.flush", "ipykernel.iostream:OutStream._flush_buffers"),
    ),
    "plain_text": Patch(
        "Ten formatters are asked about a value that has its text only.",
        ("IPython.core.formatters:DisplayFormatter.format",),
        7,
    ),
    "direct": Patch(
        "Each message of the main thread wakes another thread to be sent.",
        (
            "ipykernel.iostream:IOPubThread.send_multipart",
            "ipykernel.iostream:IOPubThread._really_send",
        ),
        6,
    ),
    "flush": Patch(
        "A cell asks six times for text to be sent, and waits for a thread, with none there.",
        ("ipykernel.iostream:OutStream.flush",),
        37,
    ),
    "frames": Patch(
        "pyzmq combines its flags anew for each frame of each message.",
        ("zmq.sugar.socket:Socket.send_multipart",),
        15,
    ),
    "no_pause": Patch(
        "ipykernel sleeps before each reply, for outputs to go out; these have their own end.",
        ("ipykernel.kernelbase:Kernel.execute_request",),
        27,
    ),
}


def wanted(name: str) -> bool:
    """Whether to apply speed patch *name*."""
    return name not in os.environ.get(SWITCH, "").split(",")
