"""A page becomes a PDF in a sandbox; without Chromium, the error says what to install."""

from pathlib import Path

import pytest

from container.errors import PageNotPrinted
from container.printer import installed, print_pdf


@pytest.mark.skipif(installed() is None, reason="Chromium is not installed")
async def test_a_page_is_printed_on_as_many_sheets_as_it_has():
    page = b"<p>one</p><p style='break-before: page'>two</p><p style='break-before: page'>three</p>"

    made = await print_pdf(page)

    assert made.startswith(b"%PDF-")
    assert b"/Count 3" in made


async def test_without_chromium_the_error_says_what_to_install():
    with pytest.raises(PageNotPrinted, match="Chromium is not installed. Install it: apt-get"):
        await print_pdf(b"<p>x</p>", chromium=[Path("/nowhere/chromium")])


async def test_a_program_that_prints_nothing_is_a_typed_error():
    with pytest.raises(PageNotPrinted, match="Chromium did not print it"):
        await print_pdf(b"<p>x</p>", chromium=[Path("/usr/bin/true")])
