"""Print a web page as PDF, inside a sandbox: ``print_page.py DESCRIPTOR CHROMIUM``.

The page comes over the descriptor, until its end; the PDF, or nothing, goes back the same way.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

PIECE_BYTES = 1 << 20
FLAGS = (
    "--headless=new",
    # Chromium's own sandbox needs namespaces, which are refused in this one.
    "--no-sandbox",
    "--no-zygote",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-pdf-header-footer",
)


def main() -> None:
    """Serve one page."""
    descriptor, chromium = int(sys.argv[1]), sys.argv[2]
    with tempfile.TemporaryDirectory() as directory:
        page, made = Path(directory, "page.html"), Path(directory, "page.pdf")
        page.write_bytes(_received(descriptor))
        with contextlib.suppress(OSError):
            subprocess.run(
                (
                    chromium,
                    *FLAGS,
                    f"--user-data-dir={directory}/profile",
                    f"--print-to-pdf={made}",
                    page.as_uri(),
                ),
                env={"HOME": directory, "PATH": "/usr/bin:/bin", "TMPDIR": directory},
                check=False,
            )
        content = made.read_bytes() if made.exists() else b""
    while content:
        content = content[os.write(descriptor, content[:PIECE_BYTES]) :]


def _received(descriptor: int) -> bytes:
    pieces = []
    while piece := os.read(descriptor, PIECE_BYTES):
        pieces.append(piece)
    return b"".join(pieces)


if __name__ == "__main__":
    main()
