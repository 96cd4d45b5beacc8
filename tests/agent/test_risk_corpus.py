"""Ordinary cells are left alone; attacks by indirect ways are seen before they run."""

from agent.permission.risk.assess import assess
from tests.agent.risk_cells import cells_in

ORDINARY, ATTACKS = cells_in("ordinary"), cells_in("attacks")


def test_of_ordinary_cells_none_is_refused_and_hardly_any_asks():
    verdicts = {title: assess(code) for title, code in ORDINARY.items()}
    refused = [
        t for t, verdict in verdicts.items() if verdict.tier == "high" or verdict.syntax_error
    ]
    asking = [t for t, verdict in verdicts.items() if verdict.tier == "medium"]

    assert len(ORDINARY) >= 250
    assert refused == []
    assert len(asking) / len(ORDINARY) < 0.03, asking


def test_nearly_all_attacks_by_indirect_ways_are_seen_in_their_code():
    """The others are refused by the kernel (`tests/attacks/test_indirect_attacks.py`)."""
    low = [title for title, code in ATTACKS.items() if assess(code).tier == "low"]

    assert len(ATTACKS) >= 150
    assert len(low) / len(ATTACKS) < 0.05, low
    assert [title for title in low if not title.startswith(("e ", "f "))] == []
