"""Records in JSON files are loaded as they are, wherever in the file they stand."""

import json
import math

import pytest

from notebooks.workbooks.profile import profile_file
from tests.corpus.score import run_recipe

BIG = 9_007_199_254_740_993
RECORDS = [
    {
        "acct": f"{n:03d}",
        "amt": 1.25 * n,
        "id": None if n == 3 else BIG + n,
        "day": f"2026-03-{n:02d}",
    }
    for n in range(1, 7)
]
NAMES = ["acct", "amt", "id", "day"]
LISTS = [[record[name] for name in NAMES] for record in RECORDS]
SHAPES = {
    "list": RECORDS,
    "named list": {"items": RECORDS},
    "OData": {"@odata.context": "x", "value": RECORDS},
    "deep": {"d": {"results": RECORDS, "__count": 6}},
    "beside facts": {"meta": {"page": 1, "of": 9}, "data": RECORDS, "next": None},
    "lists": [NAMES, *LISTS],
    "columns": {name: [record[name] for record in RECORDS] for name in NAMES},
    "split": {"columns": NAMES, "index": list(range(6)), "data": LISTS},
}


@pytest.fixture
def loaded(tmp_path):
    """Write text as a JSON file; return its profile and the frames of its recipes."""

    def load(text, encoding="utf-8"):
        path = tmp_path / "export.json"
        path.write_text(text, encoding=encoding)
        profile = profile_file(path)
        recipes = {s["name"]: t["recipe"] for s in profile["sheets"] for t in s["tables"]}
        return profile, {name: run_recipe(recipe) for name, recipe in recipes.items()}

    return load


def check(frame):
    assert list(frame.columns) == NAMES
    assert list(frame["acct"]) == [record["acct"] for record in RECORDS]
    assert list(frame["amt"]) == [record["amt"] for record in RECORDS]
    assert list(frame["id"].dropna()) == [r["id"] for r in RECORDS if r["id"]]
    assert [f"{day:%Y-%m-%d}" for day in frame["day"]] == [record["day"] for record in RECORDS]
    assert frame["amt"].dtype == "float64"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("shape", SHAPES)
def test_records_are_loaded_from_where_they_stand_with_all_their_digits(loaded, shape, encoding):
    profile, frames = loaded(json.dumps(SHAPES[shape]), encoding)

    [(_, frame)] = frames.items()
    check(frame)
    [table] = profile["sheets"][0]["tables"]
    assert table["columns"][0]["kind"] == "identifier"
    assert math.isclose(table["columns"][1]["sum"], sum(r["amt"] for r in RECORDS))


def test_one_record_a_line_is_loaded(loaded):
    _, frames = loaded(
        "".join(json.dumps(r | {"note": "a\u2028b"}, ensure_ascii=False) + "\n" for r in RECORDS)
    )

    assert list(frames["export"]["note"]) == ["a\u2028b"] * 6
    check(frames["export"][NAMES])


def test_several_lists_are_several_tables(loaded):
    shape = {
        "a": {"items": RECORDS[:2]},
        "b": {"items": RECORDS[2:]},
        "debts": [{"x": "007"}, {"x": "8"}],
    }

    _, frames = loaded(json.dumps(shape))

    assert [len(frames[name]) for name in ("a.items", "b.items", "debts")] == [2, 4, 2]
    assert list(frames["debts"]["x"]) == ["007", "8"]


def test_columns_that_only_some_records_have_stay_in_one_table(loaded):
    records = [{"a": None, "b": None, "c": 1.5}, {"a": None}, {"z": "x", "c": 2}, {"c": None}]

    profile, frames = loaded(json.dumps(records))

    [table] = profile["sheets"][0]["tables"]
    assert [column["name"] for column in table["columns"]] == ["'a'", "'b'", "'c'", "'z'"]
    assert len(frames["export"]) == table["data_rows"] == 2


def test_totals_among_records_are_left_out(loaded):
    records = [
        *({"k": f"k{n}", "v": n + 0.5, "w": n * n} for n in range(9)),
        {"k": "Total", "v": 40.5, "w": 204},
    ]

    _, frames = loaded(json.dumps(records))

    assert list(frames["export"]["k"]) == [f"k{n}" for n in range(9)]
