"""An answer's numbers are looked for in results; its claims are held against the checks."""

import random

import pytest

from agent.checks.answer import marked, objection, review
from agent.checks.claims import Facts, contradictions
from agent.checks.named_numbers import Sources, not_from_a_result, text_of_facts
from tests.agent.answers.ordinary import COUNTS, ORDINARY, REGIONS, SALES
from tests.agent.answers.wrong import WRONG

pytestmark = pytest.mark.check


def unfound(printed, request, answer):
    return not_from_a_result(answer, Sources([printed], [request]))


def test_ordinary_answers_are_hardly_ever_marked():
    marks = {answer: found for *given, answer in ORDINARY if (found := unfound(*given, answer))}

    assert len(ORDINARY) >= 60
    assert len(marks) <= 0.03 * len(ORDINARY), marks


def test_wrong_numbers_are_nearly_always_marked():
    missed = [
        (answer, wrong)
        for printed, request, answer, wrong in WRONG
        if wrong not in unfound(printed, request, answer)
    ]

    assert len(WRONG) >= 40
    assert len(missed) <= 0.1 * len(WRONG), missed


def test_in_wrong_answers_only_what_is_wrong_is_marked():
    others = [
        (answer, found)
        for printed, request, answer, wrong in WRONG
        if len(found := unfound(printed, request, answer)) > 1
    ]

    assert len(others) <= 0.1 * len(WRONG), others


def test_a_number_that_only_the_code_or_the_user_named_is_not_marked():
    sources = Sources([SALES], ["limit 4,711 please", "rate = 0.0875"])

    assert not_from_a_result("With your limit of 4,711 and the rate of 8.75 %.", sources) == []


@pytest.mark.parametrize("printed", ["9f5e743c", "code 12E999", "1e-743", "年3 5e743"])
def test_digests_and_codes_that_look_like_huge_powers_are_no_numbers(printed):
    assert unfound(printed, "x", "The total is 5,843.20.") == ["5,843.20"]


def test_names_in_other_alphabets_bear_out_no_number():
    profile = text_of_facts({"file": "試算表_2026年3月.xlsx", "sum": 1204})

    assert unfound(profile, "x", "The total is 6,708, of 1,204.") == ["6,708"]


def test_thousands_of_printed_numbers_do_not_bear_out_just_any_number():
    """Sums and shares count only among few numbers, or everything would be found."""
    printed = "\n".join(f"{n} {n * 7919 % 100003 / 7:.2f}" for n in range(5000))

    assert unfound(printed, "x", "The total is 88,123,456.78.") == ["88,123,456.78"]


@pytest.mark.parametrize(
    ("form", "low", "high"),
    [("North has {:.1f}% of sales.", 1, 95), ("Growth was {:.1f}%.", 0.5, 40),
     ("The average is {:,.2f}.", 10, 60_000)],
)  # fmt: skip
def test_few_printed_numbers_do_not_bear_out_just_any_share_or_average(form, low, high):
    chance = random.Random(1)
    answers = [form.format(chance.uniform(low, high)) for _ in range(200)]

    passed = [answer for answer in answers if not unfound(REGIONS, "x", answer)]

    assert len(passed) <= 0.1 * len(answers)


def test_long_answers_and_outputs_take_no_time_to_speak_of():
    answer = "\n".join(f"- item {n}: {n * 1.37:,.2f} and {n % 97} %" for n in range(3000))
    printed = "\n".join(f"{n} {n * 1.37:.2f}" for n in range(3000))

    assert unfound(printed, "x", answer) is not None


LOST = {"code": "parts-lost", "message": "Compared with 'a.xlsx' the file lost 2 charts on 'Data'."}
CHANGED = {"code": "changed-besides", "message": "5 cells differ although the code names others."}
ERRORS = {"code": "formula-errors", "message": "3 formulas show an error: #REF! in A1"}
UNCOMPUTED = {"code": "formulas-without-values", "message": "9 of 9 formulas have no value"}
PIVOT = {"code": "pivot-behind", "message": "Pivot 'A' on 'B' does not include row 33."}
CHART = {"code": "chart-behind", "message": "Data were added behind what charts show."}
MULTIPLIED = {"code": "rows-multiplied", "message": "The join made 9 rows of 5"}
ROWS_LOST = {"code": "rows-lost", "message": "5 rows that were read are not in what was written"}
LEFT_OUT = {
    "line": "61 rows read (1 total row among them) -> 40 rows written",
    "left_out": [{"rows": 21}],
    "read": [{"total_rows": 1}],
}
TOTALS_ONLY = {**LEFT_OUT, "left_out": [{"rows": 1}]}


def facts(*findings, results=(), **more):
    return Facts(findings={"outputs/a.xlsx": findings}, results=results, **more)


@pytest.mark.parametrize(
    ("answer", "known"),
    [
        ("All charts were kept.", facts(LOST)),
        ("The workbook's charts and macros are preserved.", facts(LOST)),
        ("I changed B2, keeping the charts as they are.", facts(LOST)),
        ("Done. Everything else is unchanged.", facts(LOST)),
        ("Done; the rest of the workbook is untouched.", facts(CHANGED)),
        ("Nothing was lost.", facts(lost=["Workbook a.xlsx: lost in saving: 1 macro project."])),
        ("Alle Diagramme bleiben erhalten.", facts(LOST)),
        ("No rows were dropped.", facts(results=[LEFT_OUT])),
        ("All rows are included in the result.", facts(results=[LEFT_OUT])),
        ("I stacked them without losing any rows.", facts(results=[{"findings": [ROWS_LOST]}])),
        ("Keine Zeilen gingen verloren.", facts(results=[LEFT_OUT])),
        ("All formulas are calculated.", facts(UNCOMPUTED)),
        ("All 9 formulas calculate correctly without errors.", facts(ERRORS)),
        ("There are no errors.", facts(computed={"a": {"errors": {"#REF!": {"cells": ["A1"]}}}})),
        ("The totals tie out.", facts(results=[{"findings": [MULTIPLIED]}])),
        ("The sums match the inputs.", facts(results=[{"findings": [MULTIPLIED]}])),
        ("No rows were duplicated.", facts(results=[{"findings": [MULTIPLIED]}])),
        ("All checks passed.", facts(ERRORS)),
        ("I saved it to outputs/b.xlsx.", facts(files=["outputs/a.xlsx"])),
        ("The pivot now includes the new user: grand total 10.", facts(PIVOT)),
        ("I updated the pivot table.", facts(PIVOT)),
        ("Die Pivot-Tabelle enthält die neue Zeile.", facts(PIVOT)),
        ("The chart shows the new month.", facts(CHART)),
    ],
)  # fmt: skip
def test_a_claim_that_a_check_says_otherwise_of_is_found(answer, known):
    assert contradictions(answer, known)


@pytest.mark.parametrize(
    ("answer", "known"),
    [
        ("All charts were kept.", facts()),
        ("All charts were kept.", facts(ERRORS)),
        ("The macros were kept.", facts(LOST)),
        ("Two charts were lost in saving.", facts(LOST)),
        ("Everything was kept except two charts.", facts(LOST)),
        ("The charts could not be kept.", facts(LOST)),
        ("Not all charts are preserved.", facts(LOST)),
        ("No rows were dropped.", facts(results=[TOTALS_ONLY])),
        ("All rows with Sales > 1000 are in the result.", facts(results=[LEFT_OUT])),
        ("21 rows were left out by the filter. No rows were lost.", facts(results=[LEFT_OUT])),
        ("All formulas are calculated.", facts(CHANGED)),
        ("The formulas have no value until Excel opens the file.", facts(UNCOMPUTED)),
        ("3 formulas show #REF!; the totals are in row 9.", facts(ERRORS)),
        ("The totals don't tie out: the join doubled rows.", facts(results=[{"findings": [MULTIPLIED]}])),
        ("I saved it to outputs/a.xlsx.", facts(files=["outputs/a.xlsx"])),
        ("I could not write outputs/b.xlsx.", facts(files=["outputs/a.xlsx"])),
        ("Use a chart to keep the overview.", facts(LOST)),
        ("The pivot does not include row 33 until Excel refreshes it.", facts(PIVOT)),
        ("The pivot is refreshed once you open it; until then it shows the old total.", facts(PIVOT)),
        ("The chart shows the new month.", facts(PIVOT)),
    ],
)  # fmt: skip
def test_what_is_true_or_hedged_is_never_stopped(answer, known):
    assert not contradictions(answer, known)


def test_ordinary_answers_are_never_stopped():
    known = facts(LOST, ERRORS, results=[LEFT_OUT, {"findings": [MULTIPLIED]}])

    assert [a for *_, a in ORDINARY if contradictions(a, known)] == []


def test_what_the_user_sees_names_numbers_and_facts_below_the_answer():
    found = review("All charts were kept; total 48,213.", facts(LOST), Sources([COUNTS]))

    shown = marked("All charts were kept; total 48,213.", found)

    assert shown.startswith("All charts were kept; total 48,213.\n\n> **Note.** The checks say")
    assert "Not from a result: 48,213." in shown
    assert "| But: outputs/a.xlsx: Compared with 'a.xlsx'" in objection(found)


def test_advice_before_anything_was_read_or_run_is_not_marked():
    assert review("Excel's limit: 218 characters in a path.", Facts(), None).unfound == []
