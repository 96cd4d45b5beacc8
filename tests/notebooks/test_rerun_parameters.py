"""`-p NAME VALUE`: the parameters of every request are known, each with its recorded type."""

import pytest

from notebooks.errors import ParameterMisfit, UnknownParameter
from tests.notebooks.records import OF_THIS_REQUEST, printed, rerun, verdicts

RECORDED = """\
from typing import Literal
import datetime
input_files = []
account = '00042'
period: "str" = '2024_02'
basis: Literal["a", "b"] = 'a'
rate = 0.05
count = 3
flag = True
none = None
rates = {'EUR': 1.0,
  'USD': 1.1}
names, pair = ['x'], (1, 2)
day = datetime.date(2024, 1, 31)
"""


@pytest.mark.parametrize(
    ("name", "text", "becomes"),
    [
        ("account", "00123", "'00123'"),
        ("account", "1e5", "'1e5'"),
        ("account", "null", "'null'"),
        ("account", "", "''"),
        ("period", "2024_01", "'2024_01'"),
        ("period", "2024-01-31", "'2024-01-31'"),
        ("basis", "NO", "'NO'"),
        ("rate", "1e-3", "0.001"),
        ("rate", "2", "2.0"),
        ("count", "-7", "-7"),
        ("flag", "false", "False"),
        ("flag", "TRUE", "True"),
        ("none", "None", "None"),
        ("none", "12", "12"),
        ("none", "0012", "'0012'"),
        ("rates", '{"EUR": 2, "GBP": 1.5}', "{'EUR': 2, 'GBP': 1.5}"),
        ("names", "['a', 'b']", "['a', 'b']"),
        ("pair", "[3, 4]", "(3, 4)"),
    ],
)
async def test_a_value_keeps_the_recorded_type(record, name, text, becomes):
    notebook = await record(
        (f"print(repr({name}))", "ok", [printed(f"{becomes}\n")]), parameters=RECORDED
    )

    report = await rerun(notebook, parameters={name: text})

    assert (report.verdict, report.changed) == ("reproduced", True), report.cells


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("rate", "nan", "a finite number"),
        ("rate", "inf", "a finite number"),
        ("rate", "1e999", "a finite number"),
        ("rate", "1,5", "a finite number"),
        ("count", "2.5", r"a whole number in the notebook \(3\)"),
        ("count", "2024_01", "a whole number"),
        ("count", "9" * 5000, "a whole number"),
        ("count", "", "a whole number"),
        ("flag", "yes", "true or false"),
        ("flag", "1", "true or false"),
        ("none", "NaN", "no finite number"),
        ("rates", "[1]", "a mapping"),
        ("rates", '{"EUR": NaN}', "a mapping"),
        ("rates", '{"EUR": "1"}', "a mapping"),
        ("rates", "{" * 5000, "a mapping"),
        ("names", "a.xlsx", r"a list in the notebook, as in \['x'\]"),
        ("names", "[1]", "a list"),
        ("day", "2024-01-31", "is computed in the notebook"),
        ("account", "\udcff", "not UTF-8"),
    ],
)
async def test_a_value_that_does_not_fit_is_refused_by_name(record, name, text, said):
    notebook = await record(parameters=RECORDED)

    with pytest.raises(ParameterMisfit, match=f"the parameter {name}, which .*{said}"):
        await rerun(notebook, parameters={name: text})


async def test_an_unknown_name_is_refused_with_the_names_of_all_requests(record):
    notebook = await record(
        (f"{OF_THIS_REQUEST}\nmonth = 'May'", "ok", []), parameters="limit = 10"
    )

    with pytest.raises(UnknownParameter, match="no parameter 'mont'. It has: limit, month"):
        await rerun(notebook, parameters={"mont": "June"})


async def test_a_later_requests_parameter_can_be_replaced(record):
    notebook = await record(
        ("print(limit)", "ok", [printed("10\n")]),
        (f"{OF_THIS_REQUEST}\nmonth = 'May'", "ok", []),
        ("print(limit, month)", "ok", [printed("10 06\n")]),
        parameters="limit = 10",
    )

    report = await rerun(notebook, parameters={"month": "06"})

    assert verdicts(report) == ["reproduced"] * 3


async def test_a_name_that_two_requests_set_is_replaced_in_both(record):
    notebook = await record(
        ("print(limit)", "ok", [printed("99\n")]),
        (f"{OF_THIS_REQUEST}\nlimit = 20", "ok", []),
        ("print(limit)", "ok", [printed("99\n")]),
        parameters="limit = 10",
    )

    report = await rerun(notebook, parameters={"limit": "99"})

    assert verdicts(report) == ["reproduced"] * 3


async def test_a_parameters_cell_that_is_no_python_sets_none(record):
    notebook = await record(parameters="%%time\nlimit = 10")

    with pytest.raises(UnknownParameter, match="It has: none"):
        await rerun(notebook, parameters={"limit": "1"})
