"""The check reads any cell in little time, and whatever it can't follow asks."""

import pytest

from agent.permission.risk.assess import assess

LONG = {
    "a chain of calls": "x = (df" + ".assign(a=1)" * 300 + ")",
    "a long sum of names": "y = " + " + ".join(f"v{i}" for i in range(600)),
    "a long sum of texts": 'a = "1"\nx = ' + " + ".join(["a"] * 2000),
    "a long f-string": "\n".join(f'a = "{i}"' for i in range(64)) + '\nx = f"' + "{a}" * 2000 + '"',
    "a text that doubles": 'a = "x"\na = a + "y" + a\n' + "b = a + a\n" * 2000,
    "many branches": "if a == 0: pass\n" + "".join(f"elif a == {i}: pass\n" for i in range(600)),
    "names that hold names": "z = []\n" + "\n".join(f"n{i} = [*z, 'a', 'b']" for i in range(1500)),
    "a function that calls itself": "def f(x):\n    return f(x)\n" + "f(1)\n" * 3000,
    "functions that call each other": "\n".join(
        f"def f{i}(x):\n    return f{i + 1}(x), f{i + 1}(x)" for i in range(200)
    ),
}


@pytest.mark.parametrize("name", LONG)
def test_a_long_cell_of_ordinary_code_is_read_to_its_end(name):
    """Effort that grows with the square, or worse, would not come to its end."""
    assessment = assess(LONG[name])

    assert (assessment.tier, assessment.syntax_error) == ("low", "")


def test_a_cell_with_more_magics_than_anybody_writes_is_refused_at_once():
    assessment = assess("%time x = 1\n" * 3000)

    assert "50 magics" in assessment.syntax_error


@pytest.mark.parametrize(
    "code",
    [
        # a module that a function returns, and names that are put together
        "import matplotlib\ndef g(): return matplotlib.cbook\ngetattr(g(), 'o' + chr(115))",
        "import matplotlib\ndef h(): return matplotlib.artist\nh().inspect.stack()",
        # what was found by name, kept in a list, a dict, a lambda, and taken out again
        "l = []\nl.append(getattr(x, n))\nl[0]('id')",
        "l = [getattr(x, n)]\nl[0].system('id')",
        "d = {'f': getattr(x, n)}\nd['f']('id')",
        "fs = [getattr(x, n) for n in names]\nfor f in fs:\n    f('id')",
        "f = lambda: getattr(x, n)\nmap(f()[0], ['id'])",
        "def g():\n    return getattr(x, n)\ng()('id')",
    ],
)
def test_what_was_found_by_name_is_followed_to_where_it_is_called(code):
    assert assess(code).tier != "low"


@pytest.mark.parametrize(
    "code",
    [
        "values = []\nfor row in df.itertuples():\n    values.append(getattr(row, c))\npd.DataFrame(values)",
        "for v in [getattr(row, c) for c in cols]:\n    print(v.strip(), v + 1)",
        "libs = [pd, np]\nprint([m.__version__ for m in libs])",
        "import gc\ngc.collect()",
        "class A:\n    def __post_init__(self):\n        object.__setattr__(self, 'x', 1)",
        "import sqlite3\ncon = sqlite3.connect(':memory:')\ndf.to_sql('t', con)\npd.read_sql('select 1', con)",
        "df.query(' and '.join(f'{c} > 0' for c in cols))",
        "import traceback\ntry:\n    f()\nexcept ValueError as e:\n    traceback.print_tb(e.__traceback__)",
        "import logging.handlers\nlogging.handlers.RotatingFileHandler('outputs/run.log')",
        "open('/dev/null', 'w')",
    ],
)
def test_data_found_by_name_and_other_ordinary_things_need_no_permission(code):
    assert assess(code).tier == "low", assess(code).findings
