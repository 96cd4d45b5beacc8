"""Tables, columns and totals are found as a careful person finds them, and the recipes load them."""

import pytest

from tests.corpus.score_all import GOALS, report, score_fitted, score_held_out


@pytest.mark.parametrize("score_of", [score_fitted, score_held_out])
def test_profiles_and_recipes_agree_with_the_labelled_workbooks(tmp_path, score_of):
    """A recipe is run for every labelled sheet, and its frame compared value by value."""
    score = score_of(tmp_path)

    for question, goal in GOALS.items():
        assert score.share(question) >= goal, report(score)
