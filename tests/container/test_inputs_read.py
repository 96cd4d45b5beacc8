"""A cell's reply tells which uploads it opened, however it read them."""

import pytest

from container.kernel.reply_content import take_file_use
from tests.corpus import odd_files
from tests.docker_engine import on_every_backend


@on_every_backend
async def test_every_way_of_reading_counts_and_only_of_this_cell(start_kernel):
    kernel = await start_kernel()
    inputs = kernel.session.workspace.directory / "inputs"
    for name in ("a.xlsx", "b.xlsx", "c.xlsx"):
        odd_files.usual(inputs / name)
    (inputs / "d.csv").write_text("x,y\n1,2\n")

    first = await kernel.run(
        "import openpyxl, pandas as pd\n"
        "pd.read_excel('inputs/a.xlsx'); openpyxl.load_workbook('inputs/b.xlsx')\n"
        "pd.read_csv('inputs/d.csv'); open('outputs/e', 'w').close(); 1 / 0"
    )
    second = await kernel.run("1 + 1")

    assert (first.ename, set(first.inputs_read)) == (
        "ZeroDivisionError", {"inputs/a.xlsx", "inputs/b.xlsx", "inputs/d.csv"}
    )  # fmt: skip
    assert second.inputs_read == ()


@pytest.mark.check
@pytest.mark.parametrize(
    ("payload", "read"),
    [
        (None, None),
        ([], None),
        ([{"source": "page"}], None),
        ([{"source": "tallybook", "opened": 5}], None),
        ([{"source": "tallybook", "opened": ["a", 5, "b" * 2000]}, {"source": "page"}], ("a",)),
    ],
)
def test_what_a_kernel_forges_there_is_read_as_bounded_data(payload, read):
    content = {"payload": payload}

    assert take_file_use(content)[0] == read
    assert not any(p["source"] == "tallybook" for p in content["payload"] or ())
