"""Ordinary cells are left alone; attacks by indirect ways are seen before they run."""

import pytest

from agent.risk.assess import assess
from tests.agent.risk_cells import cells_in

ORDINARY, ATTACKS = cells_in("ordinary"), cells_in("attacks")


def test_of_ordinary_cells_none_is_refused_and_hardly_any_asks():
    verdicts = {title: assess(code) for title, code in ORDINARY.items()}
    refused = [t for t, verdict in verdicts.items() if verdict.tier == "high" or verdict.syntax_error]
    asking = [t for t, verdict in verdicts.items() if verdict.tier == "medium"]

    assert len(ORDINARY) >= 250
    assert refused == []
    assert len(asking) / len(ORDINARY) < 0.03, asking


@pytest.mark.parametrize("title", ATTACKS)
def test_an_attack_by_an_indirect_way_never_counts_as_low_risk(title):
    assert assess(ATTACKS[title]).tier != "low"


def test_the_attacks_are_many():
    assert len(ATTACKS) >= 150
