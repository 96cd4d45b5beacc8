"""What a cell is spared is not missed: it runs and shows what it does in any kernel."""

import pytest

pytestmark = pytest.mark.check


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("1 + 1", "2"),
        ("'a\\nb'", "'a\\nb'"),
        ("[{'x': (1, 2.5)}, {3}, b'z', 1j, True]", "[{'x': (1, 2.5)}, {3}, b'z', 1j, True]"),
        ("(1, 2)", "(1, 2)"),
        ("{}", "{}"),
    ],
)
async def test_a_plain_value_is_shown_as_its_text(start_kernel, code, shown):
    kernel = await start_kernel()

    await kernel.run(code)

    (output,) = kernel.outputs
    assert output["data"] == {"text/plain": shown}


async def test_nothing_is_shown_of_none(start_kernel):
    kernel = await start_kernel()

    await kernel.run("None")

    assert kernel.outputs == []


async def test_a_value_that_cannot_say_what_it_is_is_an_error_of_its_cell(start_kernel):
    kernel = await start_kernel()

    reply = await kernel.run("class Odd:\n    def __repr__(self): 1 / 0\n[Odd()]")

    assert (reply.status, kernel.text()) == ("error", "ZeroDivisionError: division by zero")


REGISTERED = """
class Table(list):
    def _repr_html_(self): return "<b>own</b>"

def as_html(value): return f"<i>{value}</i>"

html = get_ipython().display_formatter.formatters["text/html"]
"""


@pytest.mark.parametrize(
    ("registering", "value", "html"),
    [
        ("", "Table()", "<b>own</b>"),
        ("html.for_type(int, as_html)", "7", "<i>7</i>"),
        ("html.for_type(object, as_html)", "'s'", "<i>s</i>"),
        ("html.for_type_by_name('builtins', 'dict', as_html)", "{}", "<i>{}</i>"),
        ("one = [1]; html.singleton_printers[id(one)] = as_html", "one", "<i>[1]</i>"),
    ],
)
async def test_what_somebody_has_a_rich_form_for_is_shown_in_it(
    start_kernel, registering, value, html
):
    kernel = await start_kernel()
    await kernel.run(REGISTERED + registering)

    await kernel.run(value)

    (output,) = kernel.outputs
    assert output["data"]["text/html"] == html


async def test_the_same_text_runs_again_after_something_else(start_kernel):
    kernel = await start_kernel()
    await kernel.run("n = 0")
    for _ in range(3):
        await kernel.run("n += 1")
        await kernel.run("%time m = n")

    await kernel.run("n, m")

    assert kernel.text() == "(3, 3)"
