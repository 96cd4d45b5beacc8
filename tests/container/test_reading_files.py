"""A kernel's pandas reads every kind of table file, and no file ends the kernel."""

import pytest

from tests.corpus import odd_files, text_files
from tests.docker_engine import on_every_backend

SHAPES = """
import glob, os, pandas as pd
for path in sorted(glob.glob("/workspace/*.*")):
    frame = pd.read_excel(path)
    print(os.path.basename(path), frame.shape, frame.Amount.sum(), frame.columns.tolist())
"""


@on_every_backend
async def test_read_excel_reads_every_kind_of_file_without_options(start_kernel):
    kernel = await start_kernel()
    for name in odd_files.TABLES:
        odd_files.make(name, kernel.session.workspace.directory)

    reply = await kernel.run(SHAPES)

    assert reply.status == "ok", reply
    expected = [
        f"{name} (3, 3) 1183.25 ['Item', 'Amount', 'Booked']" for name in sorted(odd_files.TABLES)
    ]
    assert kernel.text().splitlines() == expected


@pytest.mark.parametrize("name", odd_files.REFUSED)
async def test_no_file_ends_the_kernel(start_kernel, name):
    kernel = await start_kernel()
    _, write = odd_files.REFUSED[name]
    write(kernel.session.workspace.directory / name)

    reply = await kernel.run(f"import pandas as pd\npd.read_excel({name!r}, sheet_name=None)")
    assert reply.ename == "Unreadable"
    reply = await kernel.run("print(1 + 1)")

    assert kernel.text() == "2\n"


async def test_a_cell_in_the_last_corner_ends_no_kernel(start_kernel):
    kernel = await start_kernel()
    odd_files.stray_cell(kernel.session.workspace.directory / "stray.xlsx")

    for engine in ("", ", engine='calamine'"):
        await kernel.run(f"import pandas as pd\nprint(pd.read_excel('stray.xlsx'{engine}).shape)")
        assert kernel.text().endswith("(3, 3)\n")


async def test_read_csv_reads_the_text_of_a_german_bank(start_kernel):
    kernel = await start_kernel()
    file = kernel.session.workspace.directory / "bank.csv"
    file.write_bytes(text_files.GERMAN.encode("cp1252"))

    await kernel.run(
        "import pandas as pd\nprint(pd.read_csv('bank.csv').Betrag.round(2).tolist()[:2])"
    )

    assert kernel.text() == "[-1000.5, -1001.5]\n"


@on_every_backend
async def test_a_kernel_can_import_the_reader_but_not_write_it_or_see_its_neighbours(start_kernel):
    kernel = await start_kernel()

    await kernel.run(
        "import os, workbooks.read\n"
        "print(workbooks.__file__, os.access('/opt/tallybook/workbooks', os.W_OK),\n"
        "      os.listdir('/opt/tallybook'))\n"
        "try: import notebooks\n"
        "except ImportError as error: print(error)"
    )

    first, second = kernel.text().splitlines()
    assert (
        first == "/opt/tallybook/workbooks/__init__.py False ['inside', 'workbooks']"
        or first == ("/opt/tallybook/workbooks/__init__.py False ['workbooks', 'inside']")
    )
    assert second == "No module named 'notebooks'"


async def test_the_reader_opens_no_file_that_the_cell_may_not(start_kernel):
    kernel = await start_kernel()

    for read in ("pd.read_excel", "pd.read_csv", "workbooks.read.open_book"):
        reply = await kernel.run(
            f"import pathlib, pandas as pd, workbooks.read\n{read}(pathlib.Path('/proc/self/environ'))"
        )
        assert reply.ename == "ForbiddenCall", read
