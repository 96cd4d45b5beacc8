"""Show the progress of a long step, a line every few seconds."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

EVERY = 5.0
LONGEST = 90


def say(text: str) -> None:
    """Print a line of progress."""
    print(f"image: {text}", flush=True)  # noqa: T201


def show(step: str, lines: Iterable[str]) -> None:
    """Print *step* with the latest of *lines* every `EVERY` seconds, then the total time."""
    begun = shown = time.monotonic()
    say(step)
    for line in lines:
        now = time.monotonic()
        if line.strip() and now - shown >= EVERY:
            shown = now
            say(f"{step}: {now - begun:.0f} s, {line.strip()[:LONGEST]}")
    say(f"{step}: done in {time.monotonic() - begun:.0f} s")


def run_showing(step: str, command: list[str], log: Path) -> int:
    """Run *command*, `show` its output and write it to *log*; return its exit status."""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process, log.open("w") as kept:  # fmt: skip
        if process.stdout is None:
            raise RuntimeError("its output is a pipe")

        def lines() -> Iterable[str]:
            for line in process.stdout or ():
                kept.write(line)
                yield line

        show(step, lines())
    return process.returncode
