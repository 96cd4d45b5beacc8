"""Names in the workbooks and variables that a request means, also where it spells them wrong."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rapidfuzz import fuzz, process

from agent.retrieval.words import STOP, folded

CLOSE, CLOSE_SHORT = 82, 92
"""Least likeness, in percent, of a name; of one with fewer than `SHORT` letters."""
SHORT = 5
MOST, MOST_SYMBOLS, MOST_PHRASE_WORDS, MOST_REQUEST_WORDS = 8, 20_000, 4, 200


@dataclass(frozen=True, slots=True)
class Symbol:
    """A name that a request may mean.

    Attributes:
        name: As it is written.
        kind: ``sheet``, ``column``, ``name``, ``table``, ``value`` or ``variable``.
        place: Where it is: file and sheet; empty for a variable.
    """

    name: str
    kind: str
    place: str = ""


def symbols_of(
    profiles: Mapping[str, Mapping[str, Any]], variables: Iterable[Mapping[str, Any]] = ()
) -> list[Symbol]:
    """Return the symbols of workbooks' profiles and of live variables."""
    found = dict.fromkeys(Symbol(str(each["name"]), "variable") for each in variables)
    for file, profile in profiles.items():
        found.update(dict.fromkeys(_of_profile(file, profile)))
    return list(found)[:MOST_SYMBOLS]


def _of_profile(file: str, profile: Mapping[str, Any]) -> Iterator[Symbol]:
    for each in _listed(profile.get("names")):
        yield Symbol(str(each.get("name", "")), "name", file)
    for sheet in _listed(profile.get("sheets")):
        place = f"{file} · {sheet.get('name', '')}"
        yield Symbol(str(sheet.get("name", "")), "sheet", file)
        for table in _listed(sheet.get("tables")):
            if isinstance(name := table.get("name"), str):
                yield Symbol(name, "table", place)
            for column in _listed(table.get("columns")):
                yield Symbol(_bare(str(column.get("name", ""))), "column", place)
                for value in column.get("samples") or ():
                    if isinstance(value, str) and 2 < len(value) <= 40:
                        yield Symbol(value, "value", f"{place} · column {column.get('name')}")


def _listed(value: Any) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def find_symbols(request: str, symbols: Iterable[Symbol], most: int = MOST) -> list[Symbol]:
    """Return the symbols that *request* names, exactly or nearly, best first.

    Args:
        request: In plain words; runs of up to four of its words are compared with each name.
        symbols: What to choose from.
        most: How many at most.
    """
    by_name: dict[str, list[Symbol]] = {}
    for symbol in symbols:
        by_name.setdefault(_plain(symbol.name), []).append(symbol)
    by_name.pop("", None)
    names = list(by_name)
    best: dict[str, float] = {}
    for phrase in _phrases(request):
        least = CLOSE_SHORT if len(phrase) < SHORT else CLOSE
        for name, score, _ in process.extract(
            phrase, names, scorer=fuzz.ratio, score_cutoff=least, limit=3
        ):
            best[name] = max(best.get(name, 0.0), score + len(phrase) / 100)
    ranked = sorted(best, key=lambda name: -best[name])
    return [symbol for name in ranked for symbol in by_name[name]][:most]


def _bare(name: str) -> str:
    """Return a column's name without the quotes that a profile has around it."""
    if name[:1] not in ("'", '"'):
        return name
    try:
        return str(ast.literal_eval(name))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return name


def _plain(name: str) -> str:
    return " ".join(folded(name).replace("_", " ").split())


def _phrases(request: str) -> list[str]:
    words = _plain("".join(c if c.isalnum() else " " for c in request)).split()
    words = words[:MOST_REQUEST_WORDS]
    runs = (
        words[start : start + count]
        for count in range(MOST_PHRASE_WORDS, 0, -1)
        for start in range(len(words) - count + 1)
    )
    return list(dict.fromkeys(" ".join(run) for run in runs if not STOP.issuperset(run)))


def symbols_text(symbols: Iterable[Symbol]) -> str:
    """Return *symbols* as text for the model; empty for none."""
    lines = [
        f"- {symbol.kind} {symbol.name!r}" + (f" in {symbol.place!r}" if symbol.place else "")
        for symbol in symbols
    ]
    return "\n".join(["Names that the request may mean:", *lines]) if lines else ""
