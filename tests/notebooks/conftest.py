"""A notebook of any cells, in the test's own directory."""

import functools

import pytest

from tests.notebooks.records import write_record


@pytest.fixture
def record(tmp_path):
    """Write a notebook of (source, outcome, outputs) cells; a parameters cell comes first."""
    return functools.partial(write_record, tmp_path)
