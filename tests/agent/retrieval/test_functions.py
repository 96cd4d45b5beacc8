"""Excel's functions: complete data, found by intent."""

from pathlib import Path

import pytest

from agent.retrieval.function_text import functions_for
from agent.retrieval.functions import excel_functions, find_functions

pytestmark = pytest.mark.check
QUESTIONS = Path(__file__).with_name("function_questions.txt")


def questions():
    lines = QUESTIONS.read_text().splitlines()
    part = ""
    for line in lines:
        if line.startswith("["):
            part = line
        elif "->" in line:
            question, _, right = line.partition(" -> ")
            yield part, question, set(right.split())


def test_there_are_450_functions_with_all_their_facts():
    functions = excel_functions()

    assert len(functions) >= 450
    for function in functions.values():
        assert function.syntax.endswith(")"), function
        assert function.description.endswith("."), function
        assert function.example.startswith("="), function
        assert function.since in ("2007", "2010", "2013", "2016", "2019", "2021", "365"), function


@pytest.mark.parametrize("part", ["[open]", "[held out]"])
def test_one_of_the_right_functions_is_among_the_first_three(part):
    asked = [(question, right) for where, question, right in questions() if where == part]
    hits = [bool(right & {f.name for f in find_functions(q, 3)}) for q, right in asked]

    assert sum(hits) / len(hits) >= 0.95


def test_there_are_120_questions():
    assert len(list(questions())) == 120


def test_a_function_that_is_named_comes_first():
    assert find_functions("what does XNPV do with dates")[0].name == "XNPV"
    assert find_functions("explain textjoin(…) please")[0].name == "TEXTJOIN"


def test_arguments_say_which_may_be_left_out():
    assert excel_functions()["VLOOKUP"].arguments == (
        "lookup_value", "table_array", "col_index_num", "[range_lookup]",
    )  # fmt: skip


@pytest.mark.parametrize("question", ["", "   ", "☃", "zzzz qqqq", "a" * 1_000_000])
def test_a_question_without_a_known_word_finds_nothing(question):
    assert find_functions(question) == []


def test_functions_enter_the_context_only_where_a_request_speaks_of_formulas():
    names, text = functions_for("which formula can combine text from several cells?")

    assert "TEXTJOIN" in names
    assert "TEXTJOIN(delimiter, ignore_empty, text1, [text2], …) (since Excel 2019)" in text
    assert functions_for("stack the three workbooks") == ([], "")
