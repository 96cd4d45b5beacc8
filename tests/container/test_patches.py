"""What is changed in ipykernel, IPython and pyzmq is listed, still fits, and can be left out."""

from __future__ import annotations

import hashlib
import importlib
import inspect

import pytest
from jupyter_client.asynchronous.client import AsyncKernelClient

from container.inside.patches import PATCHES, SWITCH
from container.limits import Limits
from container.shim.client import KernelLease
from container.shim.kernels import KernelRequest

SOURCES = {
    "IPython.core.formatters:DisplayFormatter.format": "6d6bdf87b59c",
    "IPython.core.inputtransformer2:TransformerManager.transform_cell": "5030a8783196",
    "IPython.core.interactiveshell:InteractiveShell.run_code": "a25cdd7bf37c",
    "IPython.core.interactiveshell:InteractiveShell.showtraceback": "d88623bbe685",
    "IPython.core.prefilter:PrefilterManager.prefilter_lines": "3b7f6056fc65",
    "ipykernel.iostream:IOPubThread._handle_event": "003fa4dbdf3a",
    "ipykernel.iostream:IOPubThread._really_send": "f1fee1f0af9d",
    "ipykernel.iostream:IOPubThread.send_multipart": "d6861f9b60a8",
    "ipykernel.iostream:OutStream._flush": "bbc71cad85cf",
    "ipykernel.iostream:OutStream._flush_buffers": "c06ddc3776ec",
    "ipykernel.iostream:OutStream._schedule_flush": "54781be9c4f6",
    "ipykernel.iostream:OutStream.flush": "a98ae207fca2",
    "ipykernel.iostream:OutStream.set_thread_parent": "b09ae7a022e6",
    "ipykernel.iostream:OutStream.write": "a63d2196b6f7",
    "ipykernel.ipkernel:IPythonKernel._cancel_on_sigint": "be8d7b20f812",
    "ipykernel.ipkernel:IPythonKernel.do_execute": "78aa91d0af8b",
    "ipykernel.kernelapp:IPKernelApp.start": "3e8e29337481",
    "ipykernel.kernelbase:Kernel.execute_request": "d244df806580",
    "ipykernel.kernelbase:Kernel.post_handler_hook": "074f5f5a1401",
    "ipykernel.kernelbase:Kernel.pre_handler_hook": "b398c28ca5a8",
    "ipykernel.zmqshell:ZMQInteractiveShell._showtraceback": "6a5da6885500",
    "ipykernel.zmqshell:ZMQInteractiveShell.ask_exit": "1deb8cb27b0a",
    "ipykernel.zmqshell:ZMQInteractiveShell.set_thread_parent": "693a1bea4e0e",
    "zmq.sugar.socket:Socket.send_multipart": "c74ca815fe43",
}
LEAST_GAIN = 3


def source_digest(name: str) -> str:
    module, _, path = name.partition(":")
    target: object = importlib.import_module(module)
    for part in path.split("."):
        target = getattr(target, part)
    return hashlib.sha256(inspect.getsource(target).encode()).hexdigest()[:12]


@pytest.mark.parametrize("name", sorted({n for p in PATCHES.values() for n in p.replaces}))
def test_what_is_patched_is_as_it_was_when_the_patch_was_written(name):
    """After an upgrade: read what changed, see that each patch still fits, enter the new digest."""
    assert source_digest(name) == SOURCES[name]


def test_nothing_is_patched_for_less_than_three_percent():
    gains = [patch.gain_percent for patch in PATCHES.values() if patch.gain_percent is not None]

    assert min(gains) >= LEAST_GAIN
    assert all(patch.reason for patch in PATCHES.values())


async def test_a_kernel_works_without_any_patch_for_speed(workspace):
    """As an operator who looks for a fault, or measures one patch, starts it."""
    names = [name for name, patch in PATCHES.items() if patch.gain_percent is not None]
    request = KernelRequest(
        workspace=workspace.directory,
        uid=workspace.uid,
        limits=Limits(),
        backend="bubblewrap",
        env={SWITCH: ",".join(names)},
    )
    lease = await KernelLease.start(request)
    client = AsyncKernelClient()
    try:
        client.load_connection_info(lease.connection)
        client.start_channels()
        await client.wait_for_ready(timeout=60)
        told = []
        reply = await client.execute_interactive(
            "kernel = get_ipython().kernel\nprint('on', kernel._execute_sleep)\n[1, 2]",
            timeout=60,
            output_hook=lambda m: told.append(m["content"]),
        )
        client.stop_channels()
    finally:
        await lease.aclose()

    assert reply["content"]["status"] == "ok"
    assert "on 0.0005\n" in [content.get("text") for content in told]
    assert {"text/plain": "[1, 2]"} in [content.get("data") for content in told]
