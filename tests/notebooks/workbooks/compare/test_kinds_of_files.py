"""The same table in files of every kind is the same; files that harm are refused with the reason."""

from __future__ import annotations

import pytest

from notebooks.workbooks.compare.workbooks import compare_workbooks
from tests.corpus.odd_files import PACKAGES, REFUSED, TABLES, make, usual

VALUES = ("sheets", "values", "formulas")


@pytest.mark.parametrize("name", TABLES)
def test_the_same_values_in_a_file_of_another_kind_do_not_differ(tmp_path, name):
    usual(tmp_path / "plain.xlsx")

    found = compare_workbooks(tmp_path / "plain.xlsx", make(name, tmp_path), layers=("values",))

    assert found.counts == {}
    assert found.problem is None


@pytest.mark.parametrize("name", PACKAGES)
def test_all_layers_of_odd_packages_are_read(tmp_path, name):
    usual(tmp_path / "plain.xlsx")
    path = make(name, tmp_path)

    found = compare_workbooks(tmp_path / "plain.xlsx", path)
    itself = compare_workbooks(path, path)

    assert not set(found.counts) & set(VALUES)
    assert itself.same
    assert not any("not compared" in note for note in found.notes)


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_harms_or_is_broken_is_refused_with_its_reason(tmp_path, name):
    code, write = REFUSED[name]
    write(tmp_path / name)
    usual(tmp_path / "plain.xlsx")

    found = compare_workbooks(tmp_path / "plain.xlsx", tmp_path / name)

    assert (found.problem.file, found.problem.code) == ("after", code)
