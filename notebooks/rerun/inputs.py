"""Which file of a directory stands for which recorded input."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from notebooks.errors import RerunFailed
from notebooks.record.files import is_recorded


@dataclass(frozen=True, slots=True)
class GivenInput:
    """A file for a re-run's ``inputs/``.

    Attributes:
        name: The name that the notebook's code opens.
        file: The file that is given for it.
        recorded: Whether the record has an input of this name.
    """

    name: str
    file: Path
    recorded: bool


def given_inputs(
    wanted: Mapping[str, str], directory: Path, named: Mapping[str, str]
) -> list[GivenInput]:
    """Match the files of *directory* with the recorded inputs.

    In this order a recorded input is: what *named* says; the file of its name; the file whose name
    differs in case or Unicode normalization only; the file with its content. Every other file is
    given under its own name.

    Args:
        wanted: Recorded input name → sha256.
        directory: The given files; directories and links in it are left out.
        named: Recorded input name → glob pattern of the one file that stands for it.

    Raises:
        RerunFailed: *named* has an input that the record has not, or a pattern that does not match
            exactly one file; or no file stands for a recorded input.
    """
    there = {f.name: f for f in sorted(directory.iterdir()) if f.is_file() and not f.is_symlink()}
    found = {name: _by_pattern(name, there, wanted, named[name]) for name in named}
    for name, sha256 in wanted.items():
        if name not in found and (file := _same(name, sha256, there)) is not None:
            found[name] = file
    if missing := sorted(wanted.keys() - found.keys()):
        raise RerunFailed(_nothing_stands_for(missing, there))
    used = set(found.values())
    others = [file for file in there.values() if file not in used and file.name not in found]
    return [
        *(GivenInput(name, file, recorded=True) for name, file in sorted(found.items())),
        *(GivenInput(file.name, file, recorded=False) for file in others),
    ]


def stand_ins(wanted: Mapping[str, str], directory: Path) -> dict[str, Path]:
    """Return the files of *directory* that stand for a recorded input of another name.

    By case and Unicode normalization of the name, else by content.

    Args:
        wanted: Recorded input name → sha256.
        directory: The given files.
    """
    there = {f.name: f for f in sorted(directory.iterdir()) if f.is_file() and not f.is_symlink()}
    absent = {name: sha256 for name, sha256 in wanted.items() if name not in there}
    found = {name: _same(name, sha256, there) for name, sha256 in absent.items()}
    return {name: file for name, file in found.items() if file is not None}


def _by_pattern(
    name: str, there: Mapping[str, Path], wanted: Mapping[str, str], pattern: str
) -> Path:
    if name not in wanted:
        names = ", ".join(sorted(wanted)) or "none"
        raise RerunFailed(f"the notebook has no input {name!r}. It has: {names}")
    matching = [file for file in there.values() if file.match(pattern)]
    if len(matching) != 1:
        names = ", ".join(file.name for file in matching) or "none"
        raise RerunFailed(f"{pattern!r} must match one file for the input {name!r}; found: {names}")
    return matching[0]


def _same(name: str, sha256: str, there: Mapping[str, Path]) -> Path | None:
    if name in there:
        return there[name]
    alike = [file for other, file in there.items() if _folded(other) == _folded(name)]
    if len(alike) == 1:
        return alike[0]
    return next((file for file in there.values() if is_recorded(file, sha256)), None)


def _nothing_stands_for(missing: list[str], there: Mapping[str, Path]) -> str:
    names = ", ".join(there) or "no file"
    return (
        f"no file stands for the input {', '.join(missing)}; there is {names}. "
        f"Add it, or say which file it is: --input {missing[0]!r} PATTERN"
    )


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
