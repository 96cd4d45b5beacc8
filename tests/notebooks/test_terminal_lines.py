"""Redrawn lines: the record keeps what a terminal shows, the kernel sends no more than that needs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from container.inside.redraws import without_covered
from notebooks.record.cells import OutputCollector
from notebooks.record.terminal_lines import last_states
from notebooks.rerun.compare import _screen

pytestmark = pytest.mark.check
PRINTED = st.text(alphabet="abc\r\n", max_size=40)


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        ("no return", "no return"),
        ("\r10%\r20%\r100%\n", "100%\n"),
        ("long line\rshort", "shortline"),  # as in a terminal, the rest of the old text stays
        ("one\r\ntwo\r\n", "one\ntwo\n"),
        ("50%\r", "50%"),
        ("\x1b[31m10%\x1b[0m\r\x1b[32m99%\x1b[0m", "\x1b[32m99%\x1b[0m"),
    ],
)
def test_a_line_is_kept_as_it_was_last_drawn(printed, shown):
    assert last_states(printed) == shown


@given(st.lists(PRINTED, max_size=6))
def test_however_it_is_printed_the_record_shows_what_a_terminal_shows(pieces):
    collector = OutputCollector()
    for piece in pieces:
        collector.add({"output_type": "stream", "name": "stdout", "text": piece})

    recorded = "".join(output["text"] for output in collector.outputs())

    assert _screen(recorded) == _screen("".join(pieces))


@given(PRINTED, PRINTED)
def test_what_the_kernel_leaves_out_no_terminal_would_show(before, printed):
    assert _screen(before + without_covered(printed)) == _screen(before + printed)
