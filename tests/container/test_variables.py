"""A session tells what variables there are, and runs none of their code."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from container.kernel.variables import LONGEST_TEXT, MIME_TYPE, MOST_VARIABLES, variables_of
from tests.docker_engine import on_every_backend


@on_every_backend
async def test_variables_tell_type_shape_columns_and_preview(start_kernel):
    kernel = await start_kernel()
    await kernel.run("import pandas as pd\nframe = pd.DataFrame({'Sales': [1, 2]})\nname = 'Q1'")

    variables = {v["name"]: v for v in await kernel.session.variables()}

    assert variables["frame"]["shape"] == [2, 1]
    assert variables["frame"]["columns"] == ["Sales"]
    assert variables["name"]["preview"] == "'Q1'"
    assert "pd" not in variables


@on_every_backend
async def test_variables_tell_dtypes_bytes_and_the_first_rows(start_kernel):
    kernel = await start_kernel()
    await kernel.run(
        "import pandas as pd, numpy as np\n"
        "frame = pd.DataFrame({'Region': ['N', 'S'], 'Day': pd.to_datetime(['2026-01-05'] * 2)})\n"
        "column = frame['Region']\narray = np.arange(6.0).reshape(2, 3)"
    )

    variables = {v["name"]: v for v in await kernel.session.variables()}

    assert variables["frame"]["dtypes"][1].startswith("datetime64")
    assert variables["frame"]["bytes"] > 0
    assert variables["frame"]["preview"].startswith("'N', 2026-01-05 00:00:00; 'S', 2026-01-05")
    assert variables["column"]["preview"] == "'N'; 'S'"
    assert variables["array"] == {
        "name": "array", "type": "ndarray", "shape": [2, 3], "dtypes": ["float64"],
        "bytes": 48, "preview": "0.0; 1.0; 2.0",
    }  # fmt: skip


@on_every_backend
async def test_looking_at_variables_never_runs_their_code(start_kernel):
    kernel = await start_kernel()
    await kernel.run(
        "ran = []\n"
        "class Trap:\n"
        "    def __repr__(self): ran.append('repr'); return 'x'\n"
        "    def __len__(self): ran.append('len'); return 1\n"
        "trap = Trap()\nimport pandas as pd\nframe = pd.DataFrame({'traps': [Trap()]})\nran.clear()"
    )

    variables = {v["name"]: v for v in await kernel.session.variables()}
    await kernel.run("print(ran)")

    assert variables["trap"]["type"] == "Trap"
    assert variables["frame"]["preview"] == "Trap"
    assert kernel.text() == "[]\n"


async def test_no_class_of_the_users_is_asked_for_a_name_either(start_kernel):
    kernel = await start_kernel()
    await kernel.run(
        "ran = []\n"
        "class Kind(type):\n"
        "    def __getattribute__(cls, name): ran.append(name); return super().__getattribute__(name)\n"
        "class Thing(metaclass=Kind):\n"
        "    def __str__(self): ran.append('str'); return 'x'\n"
        "    __repr__ = __str__\n"
        "thing = Thing()\nimport pandas as pd\n"
        "frame = pd.DataFrame([[1, 2]], columns=pd.Index([Thing(), ('a', 1)], dtype=object))\n"
        "globals()[7] = 'no name'\nran.clear()"
    )

    variables = {v["name"]: v for v in await kernel.session.variables()}
    await kernel.run("print(ran)")

    assert variables["thing"]["type"] == "Thing"
    assert variables["frame"]["columns"] == ["Thing", "('a', 1)"]
    assert kernel.text() == "[]\n"


def check(variables):
    """What may be passed on: flat, bounded, writable."""
    json.dumps(variables, allow_nan=False).encode()
    assert len(variables) <= MOST_VARIABLES
    for entry in variables:
        assert {"name", "type"} <= entry.keys() <= KEYS
        texts = [entry[key] for key in ("name", "type", "preview") if key in entry]
        texts += [*entry.get("columns", []), *entry.get("dtypes", [])]
        assert all(type(text) is str and len(text) <= LONGEST_TEXT for text in texts)
        for text in texts:
            text.encode()
        numbers = [*entry.get("shape", []), *([entry["bytes"]] if "bytes" in entry else [])]
        assert all(type(number) is int and 0 <= number < 2**63 for number in numbers)


KEYS = {"name", "type", "shape", "columns", "dtypes", "bytes", "preview"}
ANY_TEXT = st.text(st.characters(codec=None), max_size=300)
ANY_VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: (
        st.lists(inner, max_size=70)
        | st.dictionaries(st.sampled_from(sorted(KEYS)) | ANY_TEXT, inner, max_size=8)
    ),
    max_leaves=40,
)


@given(ANY_VALUE)
def test_whatever_a_kernel_tells_of_its_variables_is_read_as_bounded_data(told):
    check(variables_of({"user_expressions": {"v": {"data": {MIME_TYPE: told}}}}))
    check(variables_of({"user_expressions": {"v": {"data": {MIME_TYPE: [told, told]}}}}))


@given(ANY_VALUE, st.integers(0, 4))
def test_whatever_a_reply_looks_like_there_are_variables_or_none(told, depth):
    for key in ("user_expressions", "v", "data", MIME_TYPE)[4 - depth :][::-1]:
        told = {key: told}

    check(variables_of(told))


HOSTILE = {
    "deep": b"[" * 200_000 + b"]" * 200_000,
    "deep objects": b'{"name":' * 100_000 + b"1" + b"}" * 100_000,
    "no number": b'[{"name": "n", "type": "t", "bytes": NaN}]',
    "endless number": b'[{"name": "n", "type": "t", "bytes": 1e999}]',
    "ten thousand digits": b'[{"name": "n", "type": "t", "bytes": ' + b"9" * 10_000 + b"}]",
    "half a character": b'[{"name": "\\ud800", "type": "\\udfff", "columns": ["\\ud800"]}]',
    "nine megabytes": b'[{"name": "' + b"n" * 9_000_000 + b'", "type": "t"}]',
    "a million entries": b"[" + b'{"name":"n","type":"t"},' * 300_000 + b"1]",
    "no list": b'{"name": "n"}',
    "no objects": b'[1, null, "x", [], [[]], true, 1.5]',
    "wrong types": b'[{"name": 1, "type": []}, {"name": "n", "type": "t", "shape": {"a": [-1]},'
    b' "columns": [1, null], "dtypes": "x", "bytes": true, "preview": {}, "more": [[[]]]}]',
    "nothing": b"null",
}
ANSWER = """
kernel = get_ipython().kernel
pack = kernel.session.pack
def answer(told):
    if isinstance(told, dict) and told.get('user_expressions'):
        return b'{"user_expressions": {"v": {"data": {"application/json": ' + raw + b'}}}}'
    return pack(told)
kernel.session.pack = answer
"""


async def test_a_hostile_kernels_answer_of_any_shape_is_survived(start_kernel):
    kernel = await start_kernel()
    workspace = kernel.session.workspace.directory / "outputs"
    await kernel.run(ANSWER)

    seen = {}
    for name, raw in HOSTILE.items():
        (workspace / "answer").write_bytes(raw)
        await kernel.run("raw = open('outputs/answer', 'rb').read()")
        seen[name] = await kernel.session.variables()
        check(seen[name])

    assert [len(seen[name]) for name in HOSTILE] == [0, 0, 0, 0, 0, 1, 1, 200, 0, 0, 1, 0]
    assert seen["wrong types"] == [{"name": "n", "type": "t"}]
    await kernel.run("print(1 + 1)")
    assert kernel.text() == "2\n"


@pytest.mark.parametrize(
    "hang",
    [
        "import time; get_ipython().user_expressions = lambda names: time.sleep(60)",
        "get_ipython().kernel.session.send = lambda *args, **options: None",
        "import os; get_ipython().user_expressions = lambda names: os._exit(1)",
    ],
    ids=["never-answers", "sends-nothing", "ends"],
)
async def test_a_kernel_that_does_not_tell_has_no_variables(start_kernel, hang):
    kernel = await start_kernel()
    await kernel.run("x = 1\n" + hang, seconds=2)

    assert await kernel.session.variables() == []
