"""A trace follows a record that anybody may have written: what is no record of a read is no read."""

import nbformat.v4 as nbf
import pytest

from notebooks.lineage.prov import trace_to_prov
from notebooks.lineage.record import cells_of
from notebooks.lineage.trace import trace, trace_to_json
from notebooks.lineage.words import words

CODE = (
    "import pandas as pd\n"
    "d = pd.read_csv('inputs/b.csv')\n"
    "d[['a']].to_excel('outputs/a.xlsx', index=False)"
)
READ = {"file": "inputs/b.csv", "sheet": "", "line": 2, "columns": [{"name": "a"}, {"name": "b"}]}
ODD = [None, 5, True, 1e300, "x", [], {}, [[]], [None], [5], {"a": 1}]


def traced(**facts):
    recorded = {
        "status": "ok",
        "turn": "t1",
        "files_before": {"inputs/b.csv": "b" * 64},
        "files_after": {"inputs/b.csv": "b" * 64, "outputs/a.xlsx": "a" * 64},
        "inputs_read": ["inputs/b.csv"],
        "tie_out": {"reads": [READ]},
        **facts,
    }
    cell = nbf.new_code_cell(CODE, id="c1", execution_count=1, metadata={"tallybook": recorded})
    found = trace(cells_of([cell]), "outputs/a.xlsx", "Sheet1", "A2", {})
    return trace_to_json(found), trace_to_prov(found), words(found)


def test_the_columns_that_the_code_names_are_read_from_the_record():
    facts, _, _ = traced()

    assert [(each["file"], each["columns"]) for each in facts["inputs"]] == [
        ("inputs/b.csv", ("a",))
    ]


@pytest.mark.parametrize("odd", ODD, ids=repr)
@pytest.mark.parametrize("name", ["file", "sheet", "line", "columns"])
def test_a_read_with_a_part_of_another_type_does_no_harm(name, odd):
    assert traced(tie_out={"reads": [{**READ, name: odd}]})


@pytest.mark.parametrize("odd", ODD, ids=repr)
@pytest.mark.parametrize("name", ["tie_out", "turn", "inputs_read", "files_before", "request"])
def test_a_cells_facts_of_another_type_do_no_harm(name, odd):
    assert traced(**{name: odd})
    assert traced(tie_out={"reads": odd})
