"""Cells that await at their top level end, fail and stop like any other."""

import asyncio

import pytest


@pytest.mark.parametrize(
    "code",
    [
        "import asyncio\nawait asyncio.sleep(0)\nprint('done')",
        "async def each():\n    yield 'done'\n\nprint(*[x async for x in each()])",
        "async def each():\n    yield 'done'\n\nasync for x in each(): print(x)",
    ],
)
async def test_a_cell_may_await_at_its_top_level(start_kernel, code):
    kernel = await start_kernel()

    reply = await kernel.run(code)

    assert (reply.status, kernel.text()) == ("ok", "done\n")


async def test_what_an_awaiting_cell_raises_is_its_error(start_kernel):
    kernel = await start_kernel()

    reply = await kernel.run("import asyncio\nawait asyncio.sleep(0)\n1 / 0")

    assert (reply.status, reply.ename) == ("error", "ZeroDivisionError")


async def test_a_task_of_an_earlier_cell_goes_on_while_a_later_one_awaits(start_kernel):
    kernel = await start_kernel()
    await kernel.run("import asyncio\ntask = asyncio.create_task(asyncio.sleep(0, 'result'))")

    await kernel.run("print(await task)")

    assert kernel.text() == "result\n"


@pytest.mark.parametrize(
    "rest",
    [
        "await asyncio.Event().wait()",
        "await asyncio.sleep(0)\nwhile True: pass",
        "while True: await asyncio.sleep(0)",
        "await asyncio.gather(*(asyncio.sleep(n) for n in (60, 70)))",
    ],
)
async def test_a_cell_that_awaits_for_ever_is_stopped_and_its_variables_are_kept(
    start_kernel, rest
):
    kernel = await start_kernel()
    running = asyncio.create_task(
        kernel.run(f"import asyncio\nx = 5\nprint('on', flush=True)\n{rest}")
    )
    while kernel.text() != "on\n":
        await asyncio.sleep(0.001)

    await kernel.session.interrupt()

    assert (await running).status == "interrupted"
    await kernel.run("print(x)")
    assert kernel.text() == "5\n"


async def test_a_value_that_could_not_be_shown_is_no_error_of_later_cells(start_kernel):
    kernel = await start_kernel()
    await kernel.run("class Odd:\n    def __repr__(self): 1 / 0\nOdd()")

    replies = [await kernel.run(code) for code in ("import asyncio\nawait asyncio.sleep(0)", "1")]

    assert [reply.status for reply in replies] == ["ok", "ok"]
