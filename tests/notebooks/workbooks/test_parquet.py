"""A parquet file is read and profiled where an operator installed pyarrow, and named elsewhere."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from notebooks.workbooks.read import open_book
from notebooks.workbooks.values import Unreadable

WITH_PYARROW = Path(sys.prefix).with_name(".venv-pyarrow") / "bin/python"
WRITE = """
import sys, pandas as pd
frame = pd.DataFrame({"Account": ["007", "008", None], "Amount": [1.5, -2.0, 0.0],
                      "Day": pd.to_datetime(["2024-01-31", "2024-02-29", None])})
frame.to_parquet(sys.argv[1])
"""
PROFILE = """
import json, sys, pandas as pd
from pathlib import Path
from notebooks.workbooks.profile import profile_file
table = profile_file(Path(sys.argv[1]))["sheets"][0]["tables"][0]
names = {}
exec(table["recipe"], names)
print(json.dumps([[c["name"], c["kind"]] for c in table["columns"]]))
print(names["frame"].to_json(date_format="iso"))
print(pd.read_parquet(sys.argv[1]).equals(names["frame"]))
"""


@pytest.fixture(scope="module")
def parquet(tmp_path_factory):
    assert WITH_PYARROW.exists(), "run .ci/setup test: it makes .venv-pyarrow"
    path = tmp_path_factory.mktemp("parquet") / "sales.xlsx"  # the content decides, not the name
    subprocess.run([WITH_PYARROW, "-c", WRITE, path], check=True)
    return path


def test_a_parquet_file_is_profiled_and_its_recipe_loads_it(parquet):
    done = subprocess.run([WITH_PYARROW, "-c", PROFILE, parquet], capture_output=True, text=True)

    assert done.returncode == 0, done.stderr[-2000:]
    columns, frame, same = done.stdout.splitlines()
    assert json.loads(columns) == [
        ["'Account'", "identifier"],
        ["'Amount'", "number"],
        ["'Day'", "date"],
    ]
    assert json.loads(frame)["Account"] == {"0": "007", "1": "008", "2": None}
    assert same == "True"


def test_without_pyarrow_the_reason_and_a_way_out_are_named(parquet):
    with pytest.raises(Unreadable) as caught:
        open_book(parquet)

    assert "parquet" in caught.value.message
    assert "install pyarrow" in caught.value.hint
