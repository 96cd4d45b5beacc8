"""Networks, sockets and Jupyter's own messages."""

import asyncio
import os
import socket

import pytest

from container.kernel.session import KernelSession
from container.shim.client import living_kernels
from tests.docker_engine import on_every_backend

pytestmark = on_every_backend


async def test_nothing_of_the_hosts_loopback_is_reachable(attack):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        text = await attack(f"import socket; socket.create_connection(('127.0.0.1', {port}), 2)")

    assert "Error" in text


async def test_the_only_network_device_is_a_loopback_without_routes(attack):
    text = await attack(
        "print([l.split(':')[0].strip() for l in open('/proc/net/dev').readlines()[2:]])\n"
        "print(open('/proc/net/route').read().splitlines()[1:])"
    )

    names, routes = text.splitlines()
    assert "lo" in names
    assert "eth" not in names
    assert routes == "[]"


async def test_no_name_is_resolved(attack):
    text = await attack(
        "import socket\ntry: socket.getaddrinfo('example.com', 80); print('RESOLVED')\n"
        "except OSError: print('refused')"
    )

    assert text == "refused\n"


async def test_an_abstract_unix_socket_of_the_host_is_out_of_reach(attack):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"\0tallybook-attack-{os.getpid()}")
        server.listen()
        text = await attack(
            "import socket\n"
            f"socket.socket(socket.AF_UNIX).connect('\\0tallybook-attack-{os.getpid()}')"
        )

    assert "ConnectionRefusedError" in text


async def test_another_sessions_sockets_and_keys_are_not_there(attack, start_kernel):
    other = await start_kernel()
    await other.run("1")

    text = await attack(
        "import json\nprint(sorted(os.listdir('/run/kernel')))\n"
        "print(json.load(open('/run/kernel/connection.json'))['ip'])\n"
        "print([d for d in os.listdir('/run') if d.startswith(('k-', 'shim', 'tallybook'))])"
    )

    files, ip, others = text.splitlines()
    assert files == "['connection.json', 'net', 's-1', 's-2', 's-3', 's-4', 's-5']"
    assert ip == "/run/kernel/s"
    assert others == "[]"


async def test_sockets_swapped_for_links_to_anothers_lead_nowhere(start_kernel):
    """The service would follow a link in the host's file system: to the victim's outputs."""
    victim, hostile = await start_kernel(), await start_kernel()
    target = victim.session._lease.connection["ip"]

    await hostile.run(
        "import os\n"
        "for n in range(1, 6):\n"
        "    try: os.unlink(f'/run/kernel/s-{n}'); "
        f"os.symlink(f'{target}-{{n}}', f'/run/kernel/s-{{n}}')\n"
        "    except OSError as e: print('refused', e.errno)"
    )
    await victim.run("print('secret of the victim')")
    reply = await hostile.run("print('own')")

    assert reply.status in ("ok", "died", "interrupted")
    assert "victim" not in hostile.text()
    assert (await victim.run("print('on')")).status == "ok"


async def test_forged_messages_touch_nothing_but_its_own_cell(start_kernel):
    """It may lie about its own cell; the next one, and every other session, is whole."""
    other, hostile = await start_kernel(), await start_kernel()

    await hostile.run(
        "k = get_ipython().kernel\n"
        "k.session.send(k.iopub_socket, 'status', {'execution_state': 'idle'},"
        " parent=k.get_parent('shell'), ident=b'status')\n"
        "k.session.send(k.iopub_socket, 'stream', {'name': 'stdout', 'text': 'forged'},"
        " parent={'header': {'msg_id': 'of-another'}}, ident=b'x')\n"
        "k.iopub_socket.send_multipart([b'garbage'])\n"
        "k.iopub_socket.send_multipart([b'<IDS|MSG>', b'bad', b'{}', b'{}', b'{}', b'{}'])"
    )
    reply = await hostile.run("print('fine')")

    assert (reply.status, hostile.text()) == ("ok", "fine\n")
    assert (await other.run("print('untouched')")).status == "ok"
    assert other.text() == "untouched\n"


@pytest.mark.parametrize(
    "content",
    ["{}", "{'status': 5, 'execution_count': 'x', 'traceback': 7, 'ename': []}",
     "{'status': 'ok', 'execution_count': -1}", "{'status': 'error', 'execution_count': True}"],
)  # fmt: skip
async def test_a_forged_reply_ends_its_own_cell_and_no_more(start_kernel, content):
    hostile = await start_kernel()

    forged = await hostile.run(
        "k = get_ipython().kernel\n"
        f"k.session.send(k.shell_stream, 'execute_reply', {content},"
        " parent=k.get_parent('shell'), ident=k._shell_parent_ident.get())"
    )
    reply = await hostile.run("print('fine')")

    assert forged.status in ("ok", "error")
    assert (forged.execution_count, forged.traceback) == (None, ())
    assert (reply.status, hostile.text()) == ("ok", "fine\n")


async def test_one_huge_message_ends_in_a_typed_error_and_the_next_cell_works(start_kernel):
    kernel = await start_kernel()

    reply = await kernel.run(
        "from IPython.display import display\ndisplay({'text/plain': 'x' * 100_000_000}, raw=True)"
    )
    after = await kernel.run("print('next')")

    assert reply.error.code == "output-limit-exceeded"
    assert (after.status, kernel.text()) == ("ok", "next\n")


async def test_one_kernels_changes_to_shared_code_reach_no_other(start_kernel):
    hostile = await start_kernel(seconds=2.0, grace_seconds=0.5)
    await hostile.run(  # it breaks itself, too
        "import pandas, builtins, IPython\npandas.read_excel = None\nbuiltins.len = lambda x: 0\n"
        "IPython.get_ipython = None"
    )

    later = await start_kernel()
    reply = await later.run("import pandas; print(pandas.read_excel is None, len('abc'))")

    assert reply.status == "ok"
    assert later.text() == "False 3\n"


async def test_kernels_share_no_random_numbers(start_kernel):
    code = (
        "import random, uuid, numpy, secrets, tempfile, os\n"
        "print(random.random(), numpy.random.rand(), uuid.uuid4(), secrets.token_hex(8),"
        " os.urandom(4).hex(), next(tempfile._get_candidate_names()),"
        " get_ipython().kernel.session.session, get_ipython().kernel.ident)"
    )
    seen = []
    for _ in range(2):
        kernel = await start_kernel()
        await kernel.run(code)
        seen.append(kernel.text().split())

    assert len(seen[0]) == 8
    assert not set(seen[0]) & set(seen[1])


FORGED = """
kernel = get_ipython().kernel
for header in ({}, [], {"msg_id": 5, "msg_type": "x"}, "x", None):
    parts = [kernel.session.pack(part) for part in (header, [], {}, 7)]
    signature = kernel.session.sign(parts)
    kernel.iopub_socket.send_multipart([b"x", b"<IDS|MSG>", signature, *parts])
print("sent")
"""


async def test_what_one_kernel_forges_keeps_no_others_outputs_from_a_successor(
    start_kernel, workspace, backend
):
    seen = []

    async def keep(output):
        seen.append(output["text"])

    hostile = await start_kernel()
    other = KernelSession(workspace, keep_seconds=60, backend=backend)
    await other.start()
    await hostile.run(FORGED)
    await other.execute("print('recorded')", keep)
    name = other.kernel_id
    await other.detach()

    [left] = [kernel for kernel in await living_kernels() if kernel.id == name]
    successor = KernelSession(workspace)
    await successor.adopt(left)
    try:
        async with asyncio.timeout(10):
            reply = await successor.resume(keep)
    finally:
        await successor.aclose()

    assert (reply.status, seen) == ("ok", ["recorded\n", "recorded\n"])
