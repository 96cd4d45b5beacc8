"""Progress bars are kept as they end; what a thread prints belongs to the cell that started it."""

import io

import nbformat
from rich.console import Console

from kernel_gateway.terminal.view import TerminalView
from notebooks.ledger.verify import verify_notebook

BAR = """from tqdm import tqdm
for _ in tqdm(range(50_000), mininterval=0, miniters=1):
    pass
for i in range(20_000):
    print(f"\\rrow {i + 1}/20000", end="", flush=True)
print()
print("done")"""
THREAD = """import threading
go_on = threading.Event()
def work():
    go_on.wait()
    print("from the thread of cell 1", flush=True)
thread = threading.Thread(target=work)
thread.start()
print("cell 1 ends")"""
POOL = """from concurrent.futures import ThreadPoolExecutor
pool = ThreadPoolExecutor(1)
pool.submit(print, "first").result()"""


def texts(outputs, name="stdout"):
    return "".join("".join(o["text"]) for o in outputs if o.get("name") == name)


async def test_a_progress_bar_is_recorded_in_its_last_state_and_costs_little(start_gateway):
    running = await start_gateway([], output_limit_mb=0.2)
    conversation = await running.conversation()

    finished = await conversation.execute(BAR)

    assert finished["status"] == "ok"
    assert texts(finished["outputs"]) == "row 20000/20000\ndone\n"
    bar = texts(finished["outputs"], "stderr")
    assert "50000/50000" in bar
    assert bar.count("\n") == 1
    assert "\r" not in bar
    assert conversation.notebook.stat().st_size < 8_000
    assert 3 < len(conversation.of_kind("cell.output")) < 400  # it was shown on the way
    assert verify_notebook(conversation.notebook).verified


def shown(data):
    """Return what the terminal shows while it waits for the next event."""
    screen = io.StringIO()
    view = TerminalView(Console(file=screen, force_terminal=True, width=200))
    view.show({"kind": "cell.checking", "data": {"cell": "c", "seconds": 0.1, **data}})
    view.idle()
    return screen.getvalue()


def test_the_terminal_says_what_it_waits_for_once_the_code_has_ended():
    names = [f"outputs/[b]{n}.xlsx" for n in range(5)]

    assert "Checking outputs/[b]0.xlsx …" in shown({"step": "check", "names": names[:1]})
    computing = shown({"step": "formulas", "names": names})
    assert "Computing the formulas of outputs/[b]0.xlsx, " in computing
    assert "[b]2.xlsx and 2 more …" in computing


def test_the_terminal_prints_a_progress_bar_once_it_is_finished():
    screen = io.StringIO()
    view = TerminalView(Console(file=screen, force_terminal=False))

    for text in ("\r 10%", "\r 20%", "\r100%\n", "done\n"):
        output = {"output_type": "stream", "name": "stdout", "text": text}
        view.show({"kind": "cell.output", "data": {"cell": "c", "output": output}})
    view.idle()

    lines = [line.strip() for line in screen.getvalue().splitlines() if line.strip()]
    assert lines == ["100%", "done"]


async def test_a_threads_late_output_goes_to_its_own_cell_and_is_marked(start_gateway):
    running = await start_gateway([])
    conversation = await running.conversation()
    await conversation.execute(THREAD)

    second = await conversation.execute("go_on.set(); thread.join(); print('only this is mine')")

    assert texts(second["outputs"]) == "only this is mine\n"
    first, other = nbformat.read(conversation.notebook, as_version=4).cells
    assert texts(first.outputs) == "cell 1 ends\n"
    assert texts(other.outputs) == "only this is mine\n"
    [late] = [data for data in conversation.of_kind("cell.output") if data.get("late")]
    assert late["cell"] == first.id
    assert late["output"]["text"] == "from the thread of cell 1\n"


async def test_what_a_pools_thread_prints_belongs_to_the_cell_that_gave_it_the_work(start_gateway):
    running = await start_gateway([])
    conversation = await running.conversation()

    first = await conversation.execute(POOL)
    second = await conversation.execute("pool.submit(print, 'second').result()")

    assert (texts(first["outputs"]), texts(second["outputs"])) == ("first\n", "second\n")


async def test_a_thread_that_never_stops_printing_is_cut_off(start_gateway):
    running = await start_gateway([], output_limit_mb=0.1)
    conversation = await running.conversation()
    flood = THREAD.replace(
        'print("from the thread of cell 1", flush=True)',
        "[print('x' * 99, flush=True) for _ in range(5000)]",
    )
    await conversation.execute(flood)

    await conversation.execute("go_on.set(); thread.join()")

    late = [
        data["output"]["text"] for data in conversation.of_kind("cell.output") if "late" in data
    ]
    assert "left out from here on" in late[-1]
    assert sum(map(len, late)) < 150_000
