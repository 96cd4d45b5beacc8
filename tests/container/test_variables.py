"""A session tells what variables there are, and runs none of their code."""

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
