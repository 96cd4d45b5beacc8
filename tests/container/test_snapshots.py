"""A snapshot gives a new kernel the same variables: values, sharing, functions and classes."""

import hashlib
import os

import pytest

from container.kernel.snapshots import SnapshotDeclined, manifest_of
from tests.docker_engine import on_every_backend


class Segments:
    """Keeps segments as the service does: files that only it may write."""

    def __init__(self, directory):
        self.directory = directory
        self.received = []
        directory.mkdir(mode=0o700)

    def __contains__(self, sha256):
        return (self.directory / sha256).exists()

    def keep(self, sha256, pieces):
        content = b"".join(pieces)
        self.received.append(sha256)
        (self.directory / sha256).write_bytes(content)
        (self.directory / sha256).chmod(0o600)


@pytest.fixture
def segments(tmp_path):
    return Segments(tmp_path / "segments")


async def saved(kernel, segments, most_bytes=500_000_000):
    return await kernel.session.write_snapshot(segments, most_bytes, 100.0)


async def read(kernel, segments, manifest):
    files = [os.open(segments.directory / s.sha256, os.O_RDONLY) for s in manifest.segments]
    try:
        return await kernel.session.read_snapshot(manifest.value, files, 100.0)
    finally:
        for file in files:
            os.close(file)


async def printed(kernel, code):
    reply = await kernel.run(code)
    assert reply.status == "ok", (reply.evalue, kernel.text())
    return kernel.text()


async def passed_on(start_kernel, segments, made):
    """Run *made* in a kernel; return a new kernel with its variables, and the manifest."""
    first = await start_kernel()
    assert (reply := await first.run(made)).status == "ok", reply.evalue
    manifest = await saved(first, segments)
    second = await start_kernel()
    await read(second, segments, manifest)
    return second, manifest


@on_every_backend
async def test_frames_arrays_and_plain_values_are_the_same_and_can_be_changed(
    start_kernel, segments
):
    kernel, manifest = await passed_on(
        start_kernel,
        segments,
        "import pandas as pd, numpy as np, datetime, decimal\n"
        "frame = pd.DataFrame({'a': np.arange(300_000.0), 'b': ['x', None, 'ü'] * 100_000})\n"
        "frame['day'] = pd.Timestamp('2024-02-29', tz='Europe/Zurich')\n"
        "frame['kind'] = frame['b'].astype('category')\n"
        "whole = pd.array([1, None, 3], dtype='Int64')\n"
        "table = np.asfortranarray(np.arange(200_000).reshape(400, 500))\n"
        "series = frame.set_index('day')['a']\n"
        "facts = {'n': [1, 2.5, 3j, None, True, b'x', {'y'}], 1: decimal.Decimal('1.10')}\n"
        "when = datetime.date(2024, 2, 29)",
    )

    assert manifest.not_held == {}
    assert await printed(
        kernel,
        "print(frame.dtypes.astype(str).tolist(), frame.iloc[1, 1], frame.loc[2, 'b'])\n"
        "print(frame['a'].sum(), table.flags.f_contiguous, table[3, 4], whole.tolist())\n"
        "print(series.index.tz, facts, when)\n"
        "frame.iloc[0, 0] = -1.0\ntable[3, 4] = -1\nprint(frame.iloc[0, 0], table[3, 4])",
    ) == (
        "['float64', 'str', 'datetime64[us, Europe/Zurich]', 'category'] nan ü\n"
        "44999850000.0 True 1504 [1, <NA>, 3]\n"
        "Europe/Zurich {'n': [1, 2.5, 3j, None, True, b'x', {'y'}], 1: Decimal('1.10')} "
        "2024-02-29\n-1.0 -1\n"
    )


async def test_objects_that_variables_share_are_shared_again_and_frames_stay_apart(
    start_kernel, segments
):
    kernel, _ = await passed_on(
        start_kernel,
        segments,
        "import pandas as pd, numpy as np\n"
        "rows = [1, 2]\nbook = {'rows': rows}\nbook['self'] = book\n"
        "whole = np.zeros(200_000)\npart = whole[10:20]\nturned = whole.reshape(400, 500).T\n"
        "names = np.array(['a', 'b'], dtype=object)\nback = names[::-1]\n"
        "frame = pd.DataFrame({'a': np.zeros(200_000)})\ncopy = frame.copy(deep=False)\n"
        "values = frame.to_numpy()",
    )

    assert (
        await printed(
            kernel,
            "rows.append(3); print(book['rows'], book['self'] is book)\n"
            "part[0] = 5; print(whole[10], turned[10, 0])\n"
            "names[0] = 'z'; print(back.tolist())\n"
            "frame.iloc[0, 0] = 7; print(frame.iloc[0, 0], copy.iloc[0, 0], values.flags.writeable)",
        )
        == "[1, 2, 3] True\n5.0 5.0\n['b', 'z']\n7.0 0.0 False\n"
    )


async def test_functions_and_classes_of_cells_work_on_the_kernels_own_variables(
    start_kernel, segments
):
    kernel, manifest = await passed_on(
        start_kernel,
        segments,
        "import functools, dataclasses, collections, abc, typing\n"
        "rate = 2\n"
        "def times(n, *, more=1): return n * rate * more\n"
        "def made(by):\n"
        "    def add(n): return n + by\n"
        "    return add\n"
        "three = made(3)\n"
        "@functools.lru_cache\ndef cached(n): return n * rate\n"
        "def odd(n): return n != 0 and even(n - 1)\n"
        "def even(n): return n == 0 or odd(n - 1)\n"
        "@dataclasses.dataclass\nclass Row:\n"
        "    amount: float\n    tags: list = dataclasses.field(default_factory=list)\n"
        "class Base(abc.ABC):\n"
        "    @abc.abstractmethod\n    def total(self): ...\n"
        "class Sum(Base):\n"
        "    __slots__ = ('rows',)\n"
        "    def __init__(self, rows): super().__init__(); self.rows = rows\n"
        "    def total(self): return sum(row.amount for row in self.rows)\n"
        "    @property\n    def size(self): return len(self.rows)\n"
        "    @classmethod\n    def empty(cls): return cls([])\n"
        "    @functools.cached_property\n    def never(self): return 0\n"
        "Point = collections.namedtuple('Point', 'x y', defaults=[4])\n"
        "class Place(typing.NamedTuple):\n    n: int\n    def twice(self): return 2 * self.n\n"
        "row = Row(1.5); total = Sum([row, Row(2)]); point = Point(1); place = Place(3)\n"
        "call = functools.partial(times, 5)",
    )

    assert manifest.not_held == {}
    assert await printed(
        kernel,
        "rate = 10\n"
        "print(times(1), three(1), cached(2), odd(7), call(), times.__code__.co_filename[:4])\n"
        "print(total.total(), total.size, Sum.empty().total(), isinstance(total, Base), row)\n"
        "print(dataclasses.replace(row, amount=9.0), point, Point(1), place.twice(), Row is type(row))\n"
        "total.rows[0].amount = 100; print(row.amount)\n"
        "import inspect; print(inspect.getsource(times))",
    ) == (
        "10 4 20 True 50 /tmp\n3.5 2 0 True Row(amount=1.5, tags=[])\n"
        "Row(amount=9.0, tags=[]) Point(x=1, y=4) Point(x=1, y=4) 6 True\n100\n"
        "def times(n, *, more=1): return n * rate * more\n\n"
    )


async def test_what_cells_set_outside_their_variables_is_set_again(start_kernel, segments):
    first = await start_kernel()
    await first.run(
        "import random, os, warnings, decimal\nimport numpy as np, pandas as pd\n"
        "random.seed(7); np.random.seed(7); random.random(); np.random.rand()\n"
        "pd.options.display.max_rows = 7; np.set_printoptions(precision=3)\n"
        "os.environ['MONTH'] = '2024-02'; decimal.getcontext().prec = 9\n"
        "os.makedirs('/workspace/deep', exist_ok=True)\n"
        "import sys, time; sys.path.append('/workspace/lib')\n"
        "os.environ['TZ'] = 'Asia/Tokyo'; time.tzset()"
    )
    manifest = await saved(first, segments)
    following = "print(random.random(), np.random.rand())"
    expected = await printed(first, following)

    second = await start_kernel()
    await read(second, segments, manifest)

    assert await printed(second, following) == expected
    assert (
        await printed(
            second,
            "print(pd.options.display.max_rows, np.array([1 / 3]), os.environ['MONTH'], "
            "decimal.getcontext().prec, sys.path[-1], time.localtime(0).tm_hour)",
        )
        == "7 [0.333] 2024-02 9 /workspace/lib 9\n"
    )
    assert (await second.run("1")).execution_count == 4


async def test_what_a_snapshot_cannot_hold_is_named_with_what_shares_it(start_kernel, segments):
    kernel, manifest = await passed_on(
        start_kernel,
        segments,
        "import threading, sqlite3, socket\n"
        "file = open('/workspace/a.txt', 'w')\nlines = (n for n in range(3))\n"
        "lock = threading.Lock()\nbase = sqlite3.connect(':memory:')\n"
        "class Holder: pass\n"
        "shared = []\nholder = Holder(); holder.lock = lock; holder.shared = shared\n"
        "open = 5\nfine = [1]",
    )

    assert set(manifest.not_held) == {"file", "lines", "lock", "base", "holder", "shared", "open"}
    assert "shares" in manifest.not_held["shared"]
    assert "used up" in manifest.not_held["lines"]
    assert await printed(kernel, "print(fine, 'lock' in globals(), callable(open))") == (
        "[1] False True\n"
    )


async def test_what_a_module_in_the_workspace_defines_is_not_held(start_kernel, segments):
    _, manifest = await passed_on(
        start_kernel,
        segments,
        "import sys; sys.path.insert(0, '/workspace')\n"
        "from pathlib import Path\n"
        "Path('/workspace/rates.py').write_text("
        "'class Rate: pass\\ndef net(x): return x * 0.81')\n"
        "import rates\nfrom rates import net\nrate = rates.Rate()\nfine = [1]",
    )

    assert {"rates", "net", "rate"} <= set(manifest.not_held)
    assert "fine" in manifest.names


async def test_a_buffer_that_did_not_change_is_not_sent_again(start_kernel, segments):
    kernel = await start_kernel()
    await kernel.run(
        "import pandas as pd, numpy as np\n"
        "old = pd.DataFrame({'a': np.arange(300_000.0)}); new = old + 1"
    )
    await saved(kernel, segments)
    segments.received.clear()
    await kernel.run("new.iloc[0, 0] = -1.0")

    await saved(kernel, segments)

    sizes = sorted((segments.directory / name).stat().st_size for name in segments.received)
    assert sizes[-1] == 300_000 * 8
    assert sum(sizes) < 2 * 300_000 * 8


async def test_nothing_is_saved_while_a_thread_of_a_cell_runs(start_kernel, segments):
    kernel = await start_kernel()
    await kernel.run(
        "import threading\nend = threading.Event()\nthreading.Thread(target=end.wait).start()"
    )

    with pytest.raises(SnapshotDeclined, match="a thread of a cell still runs"):
        await saved(kernel, segments)


async def test_where_memory_is_short_many_objects_are_not_saved(start_kernel, segments):
    kernel = await start_kernel(memory_bytes=300 * 2**20)
    await kernel.run("rows = [[n] for n in range(900_000)]")

    with pytest.raises(SnapshotDeclined, match="memory is too short"):
        await saved(kernel, segments)
    assert await printed(kernel, "print(len(rows))") == "900000\n"


async def test_variables_larger_than_a_snapshot_may_be_are_not_saved(start_kernel, segments):
    kernel = await start_kernel()
    await kernel.run("import numpy as np\nlarge = np.ones(1_000_000)\ntexts = ['x' * 50] * 9")

    with pytest.raises(SnapshotDeclined, match="larger|more than"):
        await saved(kernel, segments, most_bytes=1_000_000)
    assert await printed(kernel, "print(large.sum())") == "1000000.0\n"


@pytest.mark.parametrize("audited", [False])
@pytest.mark.parametrize(
    "sent",
    ["b''", "(2**60).to_bytes(8)", "(2).to_bytes(8) + b'no'", "(2).to_bytes(8) + b'{}'"],
)
async def test_a_kernel_that_sends_something_else_makes_no_snapshot(start_kernel, segments, sent):
    kernel = await start_kernel()
    await kernel.run(
        "import sys\n"
        "def other(connection, *_): connection.sendall(SENT)\n"
        f"SENT = {sent}\nsys.modules['inside.snapshots']._write = other"
    )

    with pytest.raises(SnapshotDeclined):
        await saved(kernel, segments)
    assert list(segments.directory.iterdir()) == []


@pytest.mark.parametrize("audited", [False])
async def test_a_kernel_that_sends_other_bytes_than_it_says_makes_no_snapshot(
    start_kernel, segments
):
    kernel = await start_kernel()
    await kernel.run(
        "import sys\nsnapshots = sys.modules['inside.snapshots']\n"
        "snapshots.digest = lambda pieces: '0' * 64\nx = 1"
    )

    with pytest.raises(SnapshotDeclined, match="something else than its manifest says"):
        await saved(kernel, segments)
    assert list(segments.directory.iterdir()) == []


@pytest.fixture
def hostile():
    """Code of a cell that names what a snapshot would have to replace."""
    return (
        "import sys\nsnapshots = sys.modules['inside.snapshots']\n"
        "usual = snapshots._variables\n"
        "def forged(shell):\n    values, _ = usual(shell)\n"
        "    values.pop('forged'); values.pop('usual'); values.pop('snapshots')\n"
        "    return {**values, NAME: 'mine'}, {}\n"
        "snapshots._variables = forged\n"
    )


@pytest.mark.parametrize("audited", [False])
@pytest.mark.parametrize("name", ["get_ipython", "In", "Out", "_oh", "_ih", "_", "__name__"])
async def test_a_snapshot_never_replaces_what_is_the_kernels_own(
    start_kernel, segments, hostile, name
):
    first, second = await start_kernel(), await start_kernel()
    assert (await first.run(f"NAME = {name!r}\n{hostile}")).status == "ok"
    manifest = await saved(first, segments)

    with pytest.raises(SnapshotDeclined, match="the kernel's own"):
        await read(second, segments, manifest)
    assert "'mine'" not in await printed(second, f"print(repr(globals().get({name!r})))")


async def test_code_in_a_pickle_runs_in_the_sandbox_of_the_kernel_that_reads_it(
    start_kernel, segments
):
    kernel, _ = await passed_on(
        start_kernel,
        segments,
        "import os, platform\n"
        "def left(*facts):\n"
        "    open('/workspace/ran.txt', 'a').write(f'{platform.node()} {os.getuid()}\\n')\n"
        "    return Trap()\n"
        "class Trap:\n    def __reduce__(self): return left, ()\n"
        "trap = Trap()",
    )

    file = kernel.session.workspace.directory / "ran.txt"
    assert file.read_text() == "tallybook 1000\n"


async def test_a_variable_that_is_another_one_once_pickled_makes_no_snapshot(
    start_kernel, segments
):
    kernel = await start_kernel()
    await kernel.run("import os\nclass Trap:\n    def __reduce__(self): return os.getpid, ()\n")
    await kernel.run("trap = Trap()")

    with pytest.raises(SnapshotDeclined, match="another one once it was pickled"):
        await saved(kernel, segments)


@pytest.mark.parametrize("audited", [False])
async def test_a_kernel_cannot_write_the_files_that_it_reads(start_kernel, segments):
    kernel, manifest = await passed_on(
        start_kernel,
        segments,
        "import numpy as np\nlarge = np.ones(500_000)",
    )
    before = {s.sha256: digest(segments, s.sha256) for s in manifest.segments}

    await printed(
        kernel,
        "import os\nlarge[:] = 9\n"
        "for name in os.listdir('/proc/self/fd'):\n"
        "    try:\n"
        "        if 'segments' in os.readlink(f'/proc/self/fd/{name}') or name > '2':\n"
        "            os.pwrite(os.open(f'/proc/self/fd/{name}', os.O_RDWR), b'x', 0)\n"
        "    except OSError: pass\n"
        "    try: os.pwrite(int(name), b'x', 0)\n"
        "    except OSError: pass",
    )

    assert {s.sha256: digest(segments, s.sha256) for s in manifest.segments} == before


def digest(segments, name):
    return hashlib.sha256((segments.directory / name).read_bytes()).hexdigest()


GOOD = {
    "names": ["a"], "prints": {"a": "0"}, "not_held": {}, "buffers": [],
    "segments": [{"sha256": "0" * 64, "size": 5}],
}  # fmt: skip


@pytest.mark.parametrize(
    "changed",
    [
        {"names": "a"},
        {"names": [1]},
        {"names": ["a"] * 20_000},
        {"prints": {"a": 1}},
        {"not_held": ["a"]},
        {"segments": [{"sha256": "../../etc/passwd", "size": 5}]},
        {"segments": [{"sha256": "0" * 64, "size": -1}]},
        {"segments": [{"sha256": "0" * 64, "size": 10**12}]},
        {"segments": [{"sha256": "0" * 64, "size": True}]},
        {"segments": [{"sha256": "0" * 64, "size": 1}] * 200},
        {"buffers": [1]},
        {"declined": "because"},
    ],
)
def test_a_forged_manifest_is_refused(changed):
    with pytest.raises(SnapshotDeclined):
        manifest_of({**GOOD, **changed}, 10**9)
    assert manifest_of(GOOD, 10**9).names == ("a",)


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        ("s.socket(s.AF_UNIX).connect('/run/kernel/net/snapshots')", "opens a network connection"),
        ("__import__('os').fork()", "starts another program"),
    ],
)
async def test_a_cell_gets_neither_the_socket_nor_a_fork_even_under_our_name(
    start_kernel, call, reason
):
    kernel = await start_kernel()
    forged = f"exec(compile({call!r}, '/opt/tallybook/inside/snapshots.py', 'exec'))"

    for code in (call, forged):
        reply = await kernel.run(f"import socket as s\n{code}")
        assert reply.ename == "ForbiddenCall"
        assert reason in reply.evalue


async def test_a_cell_cannot_use_the_snapshots_own_code_to_fork(start_kernel):
    kernel = await start_kernel()

    reply = await kernel.run(
        "import sys, threading, types\n"
        "ours = sys.modules['inside.snapshots']\n"
        "names = {**vars(ours), '_connected': threading.Event, '_children': []}\n"
        "types.FunctionType(ours._fork.__code__, names)(get_ipython(), 1, 1.0)"
    )

    assert reply.ename == "ForbiddenCall"
    assert "starts another program" in reply.evalue
