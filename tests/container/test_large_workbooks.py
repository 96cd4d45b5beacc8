"""Large workbooks in a kernel with the default limits."""

import pytest

FRAME = """
import numpy as np, pandas as pd
def make(n):
    made = np.random.default_rng(1)
    return pd.DataFrame({
        "day": pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(n) % 1500, unit="D"),
        "region": np.array(["North", "South", "East", "West"], dtype=object)[np.arange(n) % 4],
        "account": [f"{i % 5000:06d}" for i in range(n)],
        "customer": [f"Customer {i % 20000}" for i in range(n)],
        "text": [f"Invoice {i}" for i in range(n)],
        **{f"a{k}": (made.random(n) * 10_000).round(2) for k in range(5)},
    })
"""
WORK = """
frame = pd.read_excel("large.xlsx", dtype={"account": str})
kept = frame[frame.a1 > 5_000]
pivot = frame.pivot_table(index="region", columns="account", values="a1", aggfunc="sum")
with pd.ExcelWriter("outputs/result.xlsx") as writer:
    kept.to_excel(writer, sheet_name="Kept", index=False)
    pivot.to_excel(writer, sheet_name="Pivot")
print(frame.shape, frame.account[7], round(frame.a1.sum() - total, 2), len(kept) > n // 3)
"""


async def run_all(start_kernel, rows):
    kernel = await start_kernel()
    code = FRAME + f"n = {rows}\nframe = make(n)\ntotal = frame.a1.sum()\n"

    for cell in (code + "frame.to_excel('large.xlsx', index=False)\ndel frame", WORK):
        reply = await kernel.run(cell)
        assert reply.status == "ok", reply

    assert kernel.text() == f"({rows}, 10) 000007 0.0 True\n"


async def test_a_large_workbook_is_read_filtered_pivoted_and_written(start_kernel):
    await run_all(start_kernel, 60_000)


@pytest.mark.soak
async def test_a_million_rows_are_read_filtered_pivoted_and_written_in_512_mb(start_kernel):
    await run_all(start_kernel, 1_000_000)


async def test_what_does_not_fit_is_refused_before_it_starts_and_some_columns_are_read(
    start_kernel,
):
    kernel = await start_kernel(memory_bytes=320 * 1024 * 1024)
    await kernel.run(FRAME + "make(200_000).to_excel('large.xlsx', index=False)")
    await kernel.run(
        'import gc\ngc.collect()\nfrom inside import memory\nfilled = b"x" * (memory.free_bytes() - 30_000_000)'
    )

    reply = await kernel.run("frame = pd.read_excel('large.xlsx')")

    assert reply.ename == "Unreadable"
    assert "MB unpacked and needs about" in reply.evalue
    assert "usecols=" in reply.evalue
    await kernel.run("del filled\nprint(len(pd.read_excel('large.xlsx', usecols=['a1'])))")
    assert kernel.text() == "200000\n"


async def test_texts_of_a_frame_stay_text_in_a_kernel(start_kernel):
    """The writers' defaults are in force in a kernel; tests of the library have the rest."""
    kernel = await start_kernel()

    await kernel.run(
        "import pandas as pd\n"
        "for engine in ('openpyxl', 'xlsxwriter'):\n"
        "    pd.DataFrame({'t': ['=> see', '=1+1']}).to_excel('a.xlsx', index=False, engine=engine)\n"
        "    print(pd.read_excel('a.xlsx').t.tolist())"
    )

    assert kernel.text().count("['=> see', '=1+1']") == 2
    assert kernel.text().count("kept as text") == 2
