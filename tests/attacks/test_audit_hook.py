"""What never runs is refused while it runs, by whatever way the code came to it."""

import pytest

from tests.docker_engine import on_every_backend

REACHED = "outputs/reached"
TOUCH = f"touch /workspace/{REACHED}"

NEVER = {
    "a shell": f"import os\nos.system('{TOUCH}')",
    "a pipe": f"import os\nos.popen('{TOUCH}').read()",
    "a program": f"import subprocess\nsubprocess.run(['sh', '-c', '{TOUCH}'])",
    "a program, past subprocess": "import _posixsubprocess as p\np.fork_exec()",
    "a spawned program": f"import os\nos.posix_spawn('/bin/sh', ['sh', '-c', '{TOUCH}'], {{}})",
    "another program in its place": f"import os\nos.execv('/bin/sh', ['sh', '-c', '{TOUCH}'])",
    "a fork": "import os\npid = os.fork()",
    "a process": "import multiprocessing as m\nm.Process(target=print).start()",
    "a thread that starts one": (
        "import os, threading\n"
        f"t = threading.Thread(target=os.system, args=('{TOUCH}',))\nt.start(); t.join()\n"
        "raise PermissionError('in the thread')"
    ),
    "a callback of a library": (
        f"import os\nimport pandas as pd\npd.Series(['{TOUCH}']).map(os.system)"
    ),
    "asyncio": f"import asyncio\nawait asyncio.create_subprocess_shell('{TOUCH}')",
    "hidden code": (
        f"import numpy as np\nnp.testing.runstring(\"import os; os.system('{TOUCH}')\", {{}})"
    ),
    "foreign data": (
        "import os, pickle\n"
        "class Hidden:\n"
        f"    def __reduce__(self): return os.system, ('{TOUCH}',)\n"
        "pickle.loads(pickle.dumps(Hidden()))"
    ),
    "marshalled code": "import marshal\nmarshal.loads(marshal.dumps(1))",
    "native code": "import ctypes\nctypes.CDLL(None).system(b'true')",
    "native code through numpy": (
        "import numpy as np\nnp.ctypeslib.load_library('libc.so.6', '/lib/x86_64-linux-gnu')"
    ),
    "a connection": "import socket\nsocket.create_connection(('127.0.0.1', 9))",
    "a local connection": "import socket\nsocket.socket(socket.AF_UNIX).connect('/tmp/x')",
    "a name's address": "import socket\nsocket.getaddrinfo('localhost', 80)",
    "every object": "import gc\ngc.get_objects()",
}


@pytest.fixture
def audited() -> bool:
    return True


@on_every_backend
async def test_what_never_runs_is_refused_and_the_kernel_goes_on(start_kernel):
    kernel = await start_kernel()
    await kernel.run("kept = 1")

    for name, code in NEVER.items():
        reply = await kernel.run(code)
        refused = "ForbiddenCall" in reply.ename or "in the thread" in reply.evalue
        assert (reply.status, refused) == ("error", True), (name, reply)

    await kernel.run(f"import pathlib\nprint(kept, pathlib.Path('{REACHED}').exists())")
    assert kernel.text() == "1 False\n"


@pytest.mark.parametrize(
    "code",
    [
        "import platform\nplatform.platform(), platform.processor()",
        "import uuid\nuuid.uuid1(), uuid.uuid4()",
        "import numpy as np\nnp.arange(3).ctypes.data > 0",
        "import matplotlib.pyplot as plt\nplt.plot([1])\nplt.savefig('outputs/x.png')",
        "import asyncio\nawait asyncio.gather(asyncio.sleep(0), asyncio.to_thread(abs, -1))",
        "from concurrent.futures import ThreadPoolExecutor\nlist(ThreadPoolExecutor(2).map(abs, [1]))",
        "import copy, collections\ncopy.deepcopy(collections.OrderedDict(a=[1]))",
        "import mimetypes, locale, tempfile\ntempfile.NamedTemporaryFile().name",
        "import sqlite3\nsqlite3.connect(':memory:').execute('select 1').fetchall()",
        "import pandas as pd\npd.DataFrame({'a': [1]}).to_excel('outputs/a.xlsx')\npd.read_excel('outputs/a.xlsx')",
        "import tqdm\nlist(tqdm.tqdm(range(3)))",
        "import zipfile, json, decimal, xml.etree.ElementTree, csv, logging.handlers, email.message",
    ],
)
async def test_what_libraries_do_by_themselves_goes_on(start_kernel, code):
    kernel = await start_kernel()

    reply = await kernel.run(code)

    assert reply.status == "ok", reply


async def test_a_cell_that_was_granted_the_network_may_try_it_and_the_next_one_may_not(
    start_kernel,
):
    kernel = await start_kernel()
    connect = "import socket\nsocket.socket(socket.AF_UNIX).connect('/tmp/nobody')"

    allowed = await kernel.run(connect, granted=("network",))
    after = await kernel.run(connect)

    assert allowed.ename == "FileNotFoundError"
    assert after.ename == "ForbiddenCall"
    assert "has no permission" in after.evalue


async def test_a_refusal_names_the_call_and_the_way_out(start_kernel):
    kernel = await start_kernel()

    reply = await kernel.run("import os\nos.system('true')")

    assert reply.evalue == (
        "os.system starts another program. Code that does this never runs here; find another way."
    )


async def test_a_library_that_tries_by_itself_takes_the_refusal_as_no(start_kernel):
    """It is an OSError, as if the program were not there."""
    kernel = await start_kernel()

    await kernel.run(
        "import subprocess\n"
        "try: subprocess.run(['true'])\n"
        "except OSError as refused: print(type(refused).__mro__[1].__name__)"
    )

    assert kernel.text() == "PermissionError\n"
