"""What is checked is what runs: a kernel reads a cell's text as the risk check does."""

import ast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from IPython.core.inputtransformer2 import TransformerManager

from container.inside.cell_text import is_python

PIECES = st.sampled_from(
    ["x", "f", " ", "  ", "\t", "\n", "\n\n", "\r", "\x0c", "\x1c", "\x85", "\u2028", "(", ")", "[",
     "]", "'", '"', '"""', ",", ";", "/", "\\", "%", "!", "?", "...", "... ", ">>> ", "In [1]: ",
     "...: ", "=", "1", "#", "def f():", "é", "[nav] In [2]: ", "%%time", "\ufeff", "\x00"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=12).map("".join))
@example("x = '''\n   \n'''")
@example("x = 1\n...")
@example("a\n,f b")
@example("if x:\n    y\n  z")
def test_what_counts_as_python_is_what_ipython_would_leave_as_it_is(text):
    if not is_python(text):
        return
    try:
        transformed = TransformerManager().transform_cell(text)
    except SyntaxError:  # it reads on to find its way, and comes upon what Python refuses too
        with pytest.raises(SyntaxError):
            ast.parse(text)
    else:
        assert transformed.removesuffix("\n") == text.removesuffix("\n")


@pytest.mark.parametrize(
    "text", ["1+1", "x = a / b\nprint(x)", "def f(n):\n    return n * 2\n", "frame['Sales'] > 1000"]
)
def test_ordinary_code_counts_as_python(text):
    assert is_python(text)


@pytest.mark.parametrize(
    "line",
    ["cat /etc/hostname", "ls -la", "sx -l", "whos", "system ('id')", "%%time\ncat /etc/hostname"],
)
async def test_a_lone_line_that_names_a_magic_is_python_and_no_command(start_kernel, line):
    kernel = await start_kernel()

    reply = await kernel.run(line)

    assert (reply.status, reply.ename) == ("error", "NameError")


async def test_magics_and_prompts_are_understood_as_in_any_notebook(start_kernel):
    kernel = await start_kernel()

    reply = await kernel.run("%time x = 6 * 7")
    pasted = await kernel.run(">>> y = x\n>>> print(y)")

    assert (reply.status, pasted.status) == ("ok", "ok")
    assert "42" in kernel.text()
