"""A re-run is compared by what its outputs say: numbers with a tolerance, the rest exactly."""

import re

import pytest

from tests.notebooks.records import error, printed, rerun, result, shown, verdicts

NOISE = "0.1 + 0.2"  # 0.30000000000000004


async def judged(record, *cells):
    report = await rerun(await record(*cells))
    return [(cell.verdict, cell.detail) for cell in report.cells[1:]]


async def verdict_of(record, source, *outputs):
    return (await judged(record, (source, "ok", outputs)))[0]


@pytest.mark.parametrize(
    "recorded",
    [
        [printed("one\ntwo\nthree\n")],
        [printed("one\n"), printed("two\n"), printed("three\n")],
        [printed("on"), printed("e\ntw"), printed("o\nthree\n")],
        [printed("one\n"), printed("careful\n", "stderr"), printed("two\nthree\n")],
    ],
)
async def test_printing_in_several_flushes_is_reproduced(record, recorded):
    source = "import sys\nfor word in ('one', 'two', 'three'): print(word); sys.stdout.flush()"

    assert await verdict_of(record, source, *recorded) == ("reproduced", "")


async def test_printing_on_the_other_side_of_a_display_differs(record):
    source = "from IPython.display import display\nprint('a')\ndisplay(1)\nprint('b')"
    one = shown(text_plain="1")

    cells = await judged(
        record,
        (source, "ok", [printed("a\n"), one, printed("b\n")]),
        (source, "ok", [printed("a\nb\n"), one]),
    )

    assert [verdict for verdict, _ in cells] == ["reproduced", "differs"]


@pytest.mark.parametrize(
    "recorded", [[printed("100%\ndone\n")], [printed("  0%\r 5"), printed("0%\r100%\r\ndone\n")]]
)
async def test_a_progress_line_is_compared_as_a_screen_shows_it(record, recorded):
    source = "for n in (0, 50, 100): print(f'\\r{n:3}%', end='', flush=True)\nprint('\\ndone')"

    assert await verdict_of(record, source, *recorded) == ("reproduced", "")


async def test_numbers_are_the_same_within_the_tolerance(record):
    frame = "import pandas as pd\nfrom IPython.display import HTML\n"
    cell = "<table><tr><td>{}</td></tr></table>"

    cells = await judged(
        record,
        (f"print('sum', {NOISE})", "ok", [printed("sum 0.3\n")]),
        (NOISE, "ok", [result("0.3")]),
        (
            f"{frame}HTML(f'{cell.format('{' + NOISE + '}')}')",
            "ok",
            [shown(text_html=cell.format("0.3"), text_plain="<IPython.core.display.HTML object>")],
        ),
        (
            f"print(pd.DataFrame({{'a': [{NOISE}, 'x'], 'b': [1, 2]}}))",
            "ok",
            [printed("     a  b\n0  0.3  1\n1    x  2\n")],
        ),
        ("print(1234567.125 + 1e-4)", "ok", [printed("1234567.1251000001\n")]),
        ("raise ValueError(0.1 + 0.2)", "error", [error("ValueError", "0.3")]),
    )

    assert [verdict for verdict, _ in cells] == ["reproduced"] * 6, cells


@pytest.mark.parametrize(
    ("source", "recorded"),
    [
        ("print(0.3)", "0.3000001\n"),
        ("print('00040101')", "0040101\n"),
        ("print(12345678901234567890)", "12345678901234567891\n"),
        ("print('a  b', 0.1)", "a b 0.1\n"),
        ("print('v1.10.0')", "v1.1.0\n"),
        ("print('550e8400-e29b')", "550e8401-e29b\n"),
        ("print(float('nan'))", "0.0\n"),
        ("print('a')", "a"),
        ("print(0xdeadbeef1, hex(0xdeadbeef1))", "59787641585 0xdeadbeef2\n"),
    ],
)
async def test_everything_else_is_compared_exactly(record, source, recorded):
    verdict, detail = await verdict_of(record, source, printed(recorded))

    assert verdict == "differs"
    assert ", line " in detail


async def test_a_table_is_compared_beyond_what_its_plain_text_shows(record):
    source = "from IPython.display import HTML, display\nHTML('<td>1</td>\\n<td>3</td>')"
    html = shown(
        text_html="<td>1</td>\n<td>2</td>", text_plain="<IPython.core.display.HTML object>"
    )

    verdict, detail = await verdict_of(record, source, html)

    assert verdict == "differs"
    assert detail == "output 1 (text/html), line 2: '<td>2</td>' became '<td>3</td>'"


async def test_the_lines_that_differ_are_named_and_the_first_is_shown(record):
    source = "print('a\\nb\\nc\\nd')"

    verdict, detail = await verdict_of(record, source, printed("a\nB\nc\nD\n"))

    assert verdict == "differs"
    assert detail == "output 1, line 2: 'B' became 'b' (2 lines differ: 2, 4)"


async def test_of_a_long_line_the_part_that_differs_is_shown(record):
    _, detail = await verdict_of(record, "print('x' * 300 + 'new')", printed("x" * 300 + "old\n"))

    assert "old…" not in detail
    assert re.search(r"'…x+old' became '…x+new'", detail)


async def test_what_is_made_up_in_every_run_does_not_differ(record):
    """Addresses, the order of a set, names of temporary files."""
    cells = [
        "import pandas as pd\nprint(pd.DataFrame({'r': [1]}).groupby('r'), object())",
        "print({'Müller', 'Ltd', 'Inc', 'GmbH', 'a: {b}'})\nprint({('x', 1), ('y', 2)})",
        "import tempfile\nprint(tempfile.mkdtemp())\nraise OSError(tempfile.mkdtemp())",
        "import inspect\nprint(inspect.currentframe().f_code.co_filename)",
    ]

    recorded = [
        ([printed(
            "<pandas.api.typing.DataFrameGroupBy object at 0x7f00aa00bb00> "
            "<object object at 0x7f00aa00bb10>\n"
        )], "ok"),
        ([printed("{'GmbH', 'a: {b}', 'Inc', 'Ltd', 'Müller'}\n{('y', 2), ('x', 1)}\n")], "ok"),
        ([printed("/tmp/tmpabcd_123\n"), error("OSError", "/tmp/tmpzzzz0000")], "error"),
        ([printed("/tmp/ipykernel_77/123456.py\n")], "ok"),
    ]  # fmt: skip
    report = await rerun(
        await record(*((c, o, r) for c, (r, o) in zip(cells, recorded, strict=True)))
    )

    assert [cell.detail for cell in report.cells] == [""] * 5


async def test_a_chart_and_a_styled_table_are_reproduced_and_the_clock_is_not(tmp_path):
    """What one re-run shows is the record of the next; time and random lines are named."""
    import json

    def cell(number, source, outputs=()):
        return {"cell_type": "code", "execution_count": 1, "metadata": {}, "id": f"c{number}",
                "source": source, "outputs": list(outputs)}  # fmt: skip

    sources = [
        "import pandas as pd\npd.DataFrame({'v': [1, 2, 3.5]}).plot()",
        "pd.DataFrame({'a': [1.5]}).style.highlight_max()",
        "import time, datetime as dt\nprint('begin')\nprint(time.time_ns())\nprint(dt.datetime.now())",
        "import numpy as np\nprint(np.random.default_rng().normal())",
    ]
    first = tmp_path / "first.ipynb"
    cells = [cell(number, source) for number, source in enumerate(sources)]
    first.write_text(
        json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    )
    recorded = (await rerun(first)).notebook

    again = await rerun(recorded)
    and_again = await rerun(recorded)

    kinds = [set(o.get("data", ())) for c in json.loads(recorded.read_text())["cells"] for o in c["outputs"]]  # fmt: skip
    assert {"image/png", "text/plain"} in kinds
    assert [cell.verdict for cell in again.cells] == ["reproduced"] * 2 + ["differs"] * 2
    assert [cell.verdict for cell in and_again.cells] == [cell.verdict for cell in again.cells]
    assert "2 lines differ: 2, 3" in again.cells[2].detail


async def test_printing_that_was_cut_is_compared_to_its_end(record, tmp_path):
    """The record keeps the beginning; of the rest it knows the sha256."""
    import hashlib

    rest = hashlib.sha256(b"56789\n").hexdigest()
    from tests.notebooks.records import write_record

    async def made(name, source):
        directory = tmp_path / name
        notebook = await write_record(
            directory,
            (source, "ok", [printed("01234\n[6 more bytes of output are in outputs/x.txt]\n")]),
            files_after={"outputs/x.txt": rest},
        )
        return verdicts(await rerun(notebook))

    assert await made("same", "print('0123456789')") == ["reproduced"]
    assert await made("other", "print('0123456788')") == ["differs"]
