"""pandas loads pyarrow where an operator installs it: kernels start and work all the same."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

WITH_PYARROW = Path(sys.prefix).with_name(".venv-pyarrow") / "bin/python"
RUN = """
import asyncio, json, sys
from pathlib import Path
from container.kernel.session import KernelSession
from container.workspace.workspace import Workspace

async def main():
    printed = []
    async def keep(output):
        printed.append(output.get("text") or str(output))
    session = KernelSession(Workspace.create(Path(sys.argv[1])), backend=sys.argv[2])
    await session.start()
    reply = await session.execute(sys.argv[3], keep)
    await session.aclose()
    print(json.dumps([reply.status, "".join(printed)]))

asyncio.run(main())
"""


async def with_pyarrow(directory, backend, code):
    """Return how *code* ended in a kernel of a Python that has pyarrow, and what it showed."""
    assert WITH_PYARROW.exists(), "run .ci/setup test: it makes .venv-pyarrow"
    process = await asyncio.create_subprocess_exec(
        WITH_PYARROW, "-c", RUN, directory, backend, code,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, errors = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, errors.decode()
    return json.loads(out)


@pytest.mark.parametrize("backend", ["zygote", "bubblewrap"])
async def test_a_kernel_starts_and_has_it(tmp_path, backend):
    code = "import pandas, sys; print('pyarrow' in sys.modules)"

    assert await with_pyarrow(tmp_path / "w", backend, code) == ["ok", "True\n"]


async def test_a_forked_kernel_writes_and_reads_parquet_with_several_threads(tmp_path):
    code = (
        "import pandas as pd\n"
        "frame = pd.DataFrame({n: range(200_000) for n in 'abcdefgh'}).astype({'h': str})\n"
        "frame.to_parquet('outputs/x.parquet')\n"
        "again = pd.read_parquet('outputs/x.parquet', use_threads=True)\n"
        "print(again.equals(frame), again.h.dtype)"
    )

    assert await with_pyarrow(tmp_path / "w", "zygote", code) == ["ok", "True str\n"]
