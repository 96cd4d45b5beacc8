"""The documentation says what the code does."""

import re

import pytest

from docs.generate import DOCS, TABLES, replace_between
from kernel_gateway.cli import cli

pytestmark = pytest.mark.check

ROOT = DOCS.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.glob("*.md"))]


@pytest.mark.parametrize("place", TABLES, ids=lambda place: place[1])
def test_generated_tables_are_up_to_date(place):
    file, mark = place
    text = (DOCS / file).read_text()

    assert replace_between(text, mark, TABLES[place]()) == text, "run `make docs`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_the_readme_names_only_commands_that_exist():
    used = set(re.findall(r"tallybook (\w+)", (ROOT / "README.md").read_text()))

    assert used <= set(cli.commands)


def test_the_readmes_targets_exist_and_there_are_at_most_ten():
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z]+):", makefile, re.M))

    assert set(re.findall(r"make (\w+)", (ROOT / "README.md").read_text())) <= targets
    assert len(targets) <= 10


def test_the_picture_is_a_recording_that_loads_nothing():
    picture = (DOCS / "demo.svg").read_text()

    assert "verified:&#160;yes" in picture
    assert "reproduced" in picture
    assert "@import" not in picture
    assert not re.search(r"url\((?!#)", picture)


def test_every_event_and_message_kind_is_documented():
    source = "".join(
        path.read_text()
        for package in ("agent", "kernel_gateway")
        for path in sorted((ROOT / package).rglob("*.py"))
    )
    emitted = set(re.findall(r'emit\(\s*"([a-z.]+)"', source))
    emitted |= set(re.findall(r'message\.kind == "([a-z.]+)"', source))
    documented = set(re.findall(r"`([a-z]+(?:\.[a-z]+)?)`", (DOCS / "api.md").read_text()))

    assert emitted
    assert emitted <= documented
