"""What the model is told, and what it is not."""

import pytest

from agent.parameters import parameters_problem, parameters_source
from agent.prompts.render import clip, render_output, system_prompt

pytestmark = pytest.mark.check


def test_the_system_prompt_names_what_never_runs():
    for word in ("run_code", "outputs/", "subprocess", "parameters"):
        assert word in system_prompt()


def test_a_long_output_keeps_its_beginning_and_end():
    text = clip("a" * 5000 + "b" * 5000, 100)

    assert text.startswith("a" * 50)
    assert text.endswith("b" * 50)
    assert "9900 characters left out" in text


def test_a_chart_is_told_without_its_bytes():
    output = {
        "output_type": "display_data",
        "data": {"image/png": "AAAA", "text/plain": "<Figure>"},
    }

    assert render_output([output]) == "[image/png shown]"


def test_parameters_become_plain_assignments():
    source = parameters_source(["a.xlsx"], {"min_sales": 1000.0, "name": "x'; import os #"})

    assert "min_sales = 1000\n" in source
    assert 'name = "x\'; import os #"' in source


@pytest.mark.parametrize(
    "parameters",
    [{"a b": 1}, {"class": 1}, {"_x": 1}, {"print": 1}, {"x": object()}, {"x; import os": 1}],
)
def test_a_parameter_that_is_no_plain_variable_is_refused(parameters):
    assert parameters_problem(parameters)
