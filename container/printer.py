"""Prints a web page as PDF with Chromium, in a sandbox without a network."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from container.confined import ConfinedProgram, NoAnswer
from container.errors import PageNotPrinted
from container.inside import print_page
from container.limits import MIB, Limits

CHROMIUM = (
    Path("/usr/lib/chromium/chromium"),
    Path("/usr/lib/chromium-browser/chromium-browser"),
    Path("/opt/google/chrome/chrome"),
)
"""Where the program itself may be; a launcher in /usr/bin reads files that no sandbox has."""
LIMITS = Limits(cpus=2.0, memory_bytes=2048 * MIB, pids=400, tmp_bytes=512 * MIB)
PROGRAM = "/opt/tallybook-print-page.py"
SECONDS, MOST_PDF_BYTES = 120.0, 256 * MIB


def installed(places: Sequence[Path] = CHROMIUM) -> Path | None:
    """Return Chromium's program; ``None`` if it is not installed."""
    return next((place for place in places if place.is_file()), None)


async def print_pdf(page: bytes, *, chromium: Sequence[Path] = CHROMIUM) -> bytes:
    """Return *page*, HTML that loads nothing, as PDF.

    Args:
        page: The HTML, as UTF-8.
        chromium: Where the program may be.

    Raises:
        PageNotPrinted: Chromium is not installed, or did not print it.
        SandboxUnavailable: This host can't confine it.
    """
    program = installed(chromium)
    if program is None:
        raise PageNotPrinted("Chromium is not installed", "Install it: apt-get install chromium.")
    script = Path(print_page.__file__).resolve()
    mounted = [(script, PROGRAM)]
    if not program.is_relative_to("/usr"):
        mounted.append((program.parent, str(program.parent)))
    confined = await ConfinedProgram.start(
        lambda descriptor: (sys.executable, "-I", PROGRAM, str(descriptor), str(program)),
        LIMITS,
        readonly=tuple(mounted),
    )
    try:
        made = await confined.ask((page,), seconds=SECONDS, most_bytes=MOST_PDF_BYTES)
    except NoAnswer as problem:
        last = (confined.log().strip().splitlines() or [""])[-1][:200]
        raise PageNotPrinted(f"Chromium did not print it: {problem}", last) from None
    finally:
        await confined.aclose()
    if not made.startswith(b"%PDF-"):
        raise PageNotPrinted("Chromium gave no PDF", "Export it as HTML, and print that.")
    return made
