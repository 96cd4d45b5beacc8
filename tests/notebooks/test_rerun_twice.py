"""What differs between two re-runs of our own is volatile; all else must be as recorded."""

import base64
import io
import json

import pytest
from openpyxl import Workbook
from PIL import Image, ImageDraw

from notebooks.rerun.compare import compare_outputs
from notebooks.rerun.judge import judge_files
from notebooks.rerun.volatile import beyond_volatile
from tests.notebooks.records import printed, rerun, shown, verdicts
from tests.notebooks.test_rerun_command import rerun as command


def chart(height=120, *, shade=(30, 60, 200), size=(320, 240), dot=None):
    """A bar chart of one bar."""
    picture = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((100, 200 - height, 160, 200), fill=shade)
    if dot is not None:
        draw.point(dot, fill="black")
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def png(content):
    return shown(image_png=base64.b64encode(content).decode())


@pytest.mark.parametrize(
    ("recorded", "one", "other", "volatile"),
    [
        ("total 5\nat 10:00:01", "total 5\nat 11:30:22", "total 5\nat 11:30:24", (2,)),
        ("x 0.5  y", "x 0.25 y", "x 1e-05 y", (1,)),
        ("a\nid f3a9-11\nb", "a\nid 0c44-e2\nb", "a\nid 7b10-9d\nb", (2,)),
        ("on 2026-01-31 23:59:59.5", "on 2026-11-29 08:00:01.25", "on 2026-11-29 08:00:02", (1,)),
        ("Jan 31 08:00:00 2026 x", "Nov 29 08:00:01 2026 x", "Nov 29 08:00:02 2026 x", (1,)),
        ("Wall time: 980 µs", "Wall time: 1.2 s", "Wall time: 1.3 s", (1,)),
        ("begin\nstep\nstep\nend", "begin\nstep\nend", "begin\nstep\nstep\nstep\nend", ()),
        ("took 1 ms", "took 59.1 s", "took 1 min 2 s", (1,)),
        ("n  v\n0  0.1\n10 0.25", "n   v\n0  0.11\n10 0.255", "n  v\n0  0.2\n10 0.3", (1, 2, 3)),
    ],
)
def test_places_that_differ_between_two_runs_do_not_count(recorded, one, other, volatile):
    found = beyond_volatile(recorded, one, other)

    assert found.difference is None
    assert not volatile or found.lines == volatile


@pytest.mark.parametrize(
    ("recorded", "one", "other"),
    [
        ("total 6\nat 10:00:01", "total 5\nat 11:30:22", "total 5\nat 11:30:24"),
        ("total 6 at 10:00:01", "total 5 at 11:30:22", "total 5 at 11:30:24"),
        ("total 5 at 10:00:01 more", "total 5 at 11:30:22", "total 5 at 11:30:24"),
        ("a\nb\nmore", "a\n1", "a\n2"),
        ("begin\nstep\nstop", "begin\nstep\nend", "begin\nstep\nstep\nend"),
        ("took 1 ms, 3 rows", "took 59.1 s, 4 rows", "took 1 min 2 s, 4 rows"),
        ("due 2026-01-31", "due 2026-02-28", "due 2026-02-28"),
    ],
)
def test_what_both_runs_have_alike_must_be_in_the_record(recorded, one, other):
    assert beyond_volatile(recorded, one, other).difference is not None


async def test_pictures_are_compared_by_how_they_look(record):
    pairs = (
        (chart(), chart(dot=(5, 5)), "reproduced", ""),
        (chart(), chart(shade=(31, 60, 200)), "reproduced", ""),
        (chart(), chart(122), "differs", "pixels differ clearly"),
        (chart(), chart(size=(321, 240)), "differs", "320 × 240 pixels became 321 × 240"),
        (chart(), b"\x89PNG no picture", "differs", "the produced picture can't be read"),
    )
    text = {"text_plain": "<IPython.core.display.Image object>"}
    cells = [
        (
            "from IPython.display import Image, display\nimport base64\ndisplay(Image(data="
            f"base64.b64decode({base64.b64encode(after)!r}), format='png'))",
            "ok",
            [shown(image_png=base64.b64encode(before).decode(), **text)],
        )
        for before, after, *_ in pairs
    ]

    report = await rerun(await record(*cells))

    assert verdicts(report) == [verdict for *_, verdict, _ in pairs]
    for cell, (*_, said) in zip(report.cells[1:], pairs, strict=True):
        assert said in cell.detail


def test_a_picture_that_looks_different_each_time_is_volatile_beside_what_is_not():
    def pictures(one, other):
        return "" if one == other else "it differs"

    outputs = [[printed(f"n {count}\n"), png(chart(height))] for count, height in
               ((1, 50), (1, 80), (1, 90), (2, 50))]  # fmt: skip
    found = compare_outputs(outputs[0], outputs[1], twice=outputs[2], pictures=pictures)
    also = compare_outputs(outputs[3], outputs[1], twice=outputs[2], pictures=pictures)

    assert (found.difference, found.volatile) == ("", "output 2 (image/png), the picture")
    assert "'n 2' became 'n 1'" in also.difference


def book(file, *values):
    made = Workbook()
    for row, value in enumerate(values, 1):
        made.active.cell(row, 1, value)
    file.parent.mkdir(exist_ok=True)
    made.save(file)


@pytest.mark.parametrize(
    ("recorded", "verdict", "said"),
    [((1, 10, 5), "reproduced", "Sheet!A2"), ((2, 10, 5), "differs", "Sheet!A1: '2' became '1'")],
)
def test_cells_of_a_workbook_that_differ_each_time_are_volatile(tmp_path, recorded, verdict, said):
    book(tmp_path / "recorded/x.xlsx", *recorded)
    book(tmp_path / "one/x.xlsx", 1, 20, 5)
    book(tmp_path / "other/x.xlsx", 1, 30, 5)

    [found] = judge_files({}, tmp_path / "recorded", tmp_path / "one", tmp_path / "other")

    assert found.verdict == verdict
    assert said in found.detail


async def test_twice_finds_what_is_volatile_and_still_what_differs(record):
    notebook = await record(
        ("import time\nprint('now', time.time_ns())", "ok", [printed("now 1\n")]),
        (
            "import random\n_ = open('outputs/x.csv', 'w').write(f'a,{random.random()}\\nb,2\\n')",
            "ok",
            [],
        ),
        ("print('sum', 3)", "ok", [printed("sum 4\n")]),
        parameters="limit = 1",
        files_after={"outputs/x.csv": "0" * 64},
    )
    (notebook.parent / "outputs").mkdir()
    (notebook.parent / "outputs/x.csv").write_text("a,0.5\nb,2\n")

    once = await rerun(notebook)
    twice = await rerun(notebook, twice=True)

    assert verdicts(once)[0] == "differs"
    assert verdicts(twice) == ["reproduced", "reproduced", "differs"]
    assert "volatile" in twice.cells[1].detail
    [file] = twice.files
    assert file.verdict == "reproduced"
    assert "line 1" in file.detail


async def test_the_command_prints_json_alone_and_writes_a_page(record, tmp_path):
    code = "import time\nprint('<b>2</b>', time.time_ns())"
    notebook = await record((code, "ok", [printed("<b>1</b> 5\n")]))
    page = tmp_path / "report.html"

    done = command(notebook, "--twice", "--json", "--html", page)

    facts = json.loads(done.stdout)
    assert done.returncode == facts["exit_code"] == 1
    assert facts["cells"][1]["verdict"] == "differs"
    assert "&lt;b&gt;" in page.read_text()
    assert "<b>1" not in page.read_text()
