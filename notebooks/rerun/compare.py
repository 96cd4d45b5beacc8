"""Compares the outputs of a cell with the recorded ones, by value."""

from __future__ import annotations

import ast
import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from notebooks.record.cells import REST_OF_OUTPUT
from notebooks.rerun.tolerance import changed, text_difference
from notebooks.rerun.volatile import beyond_volatile, said_lines

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
# Values that differ in every run and mean nothing: object addresses, temporary files, dates.
_MADE_UP = (
    (re.compile(r"\bat 0x[0-9a-fA-F]{6,}"), "at 0x…"),
    (re.compile(r"/tmp/ipykernel_\d+/\d+\.py"), "/tmp/ipykernel_…"),  # noqa: S108 (only matched)
    (re.compile(r"/tmp/tmp[a-z0-9_]{8}\b"), "/tmp/tmp…"),  # noqa: S108
    (re.compile(r"<dc:date>[^<]*</dc:date>"), "<dc:date>…</dc:date>"),
)
_SET = re.compile(r"""\{(?:[^{}'"\n:]|'(?:[^'\\\n]|\\.)*+'|"(?:[^"\\\n]|\\.)*+")*+\}""")
SET_LINE_CHARACTERS = 10_000
_ID = re.compile(r"""\bid\s*=\s*["']([\w-]+)["']""")
_GENERATED = re.compile(r"[0-9a-f]{5}")
_WORD = re.compile(r"[\w-]+")
Pictures = Callable[[bytes, bytes], str]
_LIVE_OBJECT = "application/vnd.jupyter.widget-view+json"


@dataclass(frozen=True, slots=True)
class Part:
    """One output, or one of its MIME types, as comparable text.

    Attributes:
        output: Number of the output, from 1; standard error is not counted.
        kind: ``printed``, ``error`` or a MIME type.
        text: Its content.
    """

    output: int
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Found:
    """What a comparison of outputs found.

    Attributes:
        difference: The differences in plain words, or ``""``.
        volatile: What differs between two runs of our own, so that it does not count.
    """

    difference: str
    volatile: str = ""


def by_bytes(before: bytes, after: bytes) -> str:
    """Return how two pictures differ if each byte counts."""
    return "" if before == after else "it is another one"


def outputs_difference(
    recorded: Sequence[Mapping[str, Any]], again: Sequence[Mapping[str, Any]]
) -> str:
    """Return the differences of two output lists in plain words, or ``""``."""
    return compare_outputs(recorded, again).difference


def compare_outputs(
    recorded: Sequence[Mapping[str, Any]],
    again: Sequence[Mapping[str, Any]],
    files: Mapping[str, str] | None = None,
    *,
    twice: Sequence[Mapping[str, Any]] | None = None,
    pictures: Pictures = by_bytes,
) -> Found:
    """Compare the outputs of a cell with the recorded ones.

    Consecutive printed texts are joined, and compared as a terminal shows them. Standard error
    is ignored: warnings contain paths and times.

    Args:
        recorded: The recorded outputs.
        again: The re-run's outputs.
        files: sha256 by name of the recorded files; one of them has the rest of a cell's
            printed text if that was too long.
        twice: The outputs of a second re-run: what differs between both does not count.
        pictures: Returns how two pictures look different; empty if they look the same.
    """
    before, after = _joined(recorded), _joined(again)
    if any(output.get("name") == "stderr" for output in (*recorded, *again)):
        files = {}  # the file holds both
    if problem := _cut_alike(before, after, files or {}):
        return Found(problem)
    third = None if twice is None else _joined(twice)
    if third is not None:
        _cut_alike(before, third, {})
    sides = [_parts(before), _parts(after), None if third is None else _parts(third)]
    found = []
    for number in range(1, max(len(before), len(after)) + 1):
        one, other, again_ = [
            None if parts is None else {part.kind: part for part in parts if part.output == number}
            for parts in sides
        ]
        found.append(_compare_output(number, one or {}, other or {}, again_, pictures))
    return Found(
        "; ".join([each.difference for each in found if each.difference][:5]),
        "; ".join([each.volatile for each in found if each.volatile][:5]),
    )


def _compare_output(
    number: int,
    before: Mapping[str, Part],
    after: Mapping[str, Part],
    twice: Mapping[str, Part] | None,
    pictures: Pictures,
) -> Found:
    """Compare one output; only the first difference of its MIME types is said."""
    if set(before) != set(after):
        if twice is not None and set(twice) != set(after):
            return Found("", f"output {number}")
        return Found(_other_kinds(number, before, after))
    volatile = []
    for kind, part in before.items():
        again = None if twice is None else twice.get(kind)
        form = "" if kind in ("printed", "text/plain") else f" ({kind})"
        if kind.startswith("image/") and kind != "image/svg+xml":
            found = _compare_pictures(part.text, after[kind].text, again, pictures)
            what = f"output {number}: the picture ({kind}) differs"
            found = Found(found.difference and what + found.difference, found.volatile)
        else:
            found = _compare_texts(part.text, after[kind].text, again)
            found = Found(
                found.difference and f"output {number}{form}, {found.difference}", found.volatile
            )
        if found.difference:
            return found
        if found.volatile:
            volatile.append(f"output {number}{form}{found.volatile}")
    return Found("", "; ".join(volatile[:1]))  # the forms of an output show the same


def _other_kinds(number: int, before: Mapping[str, Part], after: Mapping[str, Part]) -> str:
    if before and after:
        return f"output {number}: {', '.join(before)} became {', '.join(after)}"
    part = next(iter((before or after).values()))
    first = next((line for line in part.text.split("\n") if line.strip()), "")
    what = changed(first, None) if before else changed(None, first)
    return f"output {number} ({part.kind}): {what}"


def _compare_texts(before: str, after: str, again: Part | None) -> Found:
    difference = text_difference(before, after)
    if difference is None or again is None or again.text == after:
        return Found(str(difference or ""))
    left = beyond_volatile(before, after, again.text)
    if left.difference is not None:
        return Found(str(left.difference))
    return Found("", f", {said_lines(left.lines)}")


def _compare_pictures(before: str, after: str, again: Part | None, pictures: Pictures) -> Found:
    """Compare two pictures in base64; volatile if two runs of our own look different too."""
    if before == after:
        return Found("")
    try:
        one, other = base64.b64decode(before), base64.b64decode(after)
        third = None if again is None else base64.b64decode(again.text)
    except ValueError:
        return Found(": one of them is not in base64")
    if not (difference := pictures(one, other)):
        return Found("")
    if third is not None and pictures(other, third):
        return Found("", ", the picture")
    return Found(f": {difference}")


def _joined(outputs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the outputs without standard error, printed text joined."""
    joined: list[dict[str, Any]] = []
    for output in outputs:
        item = dict(output)
        if item["output_type"] == "stream":
            item["text"] = _text(item["text"])
            if item["name"] == "stderr" or not item["text"]:
                continue
            if joined and joined[-1]["output_type"] == "stream":
                joined[-1]["text"] += item["text"]
                continue
        joined.append(item)
    return joined


def _cut_alike(
    before: list[dict[str, Any]], after: list[dict[str, Any]], files: Mapping[str, str]
) -> str:
    """Cut printed text of *after* where the recorded text was cut for its length.

    Returns:
        The difference of the parts cut off, or ``""``.
    """
    for one, other in zip(before, after, strict=False):
        if not one["output_type"] == other["output_type"] == "stream":
            continue
        if (rest := REST_OF_OUTPUT.search(one["text"])) is None:
            continue
        length = rest.start()
        cut_off = other["text"][length:].encode("utf-8", "replace")
        one["text"], other["text"] = one["text"][:length], other["text"][:length]
        known = next((files[name] for name in files if f" {name}]" in rest[0]), None)
        if known is not None and known != hashlib.sha256(cut_off).hexdigest():
            return f"what was printed after the first {length} characters differs"
    return ""


def _parts(outputs: Sequence[Mapping[str, Any]]) -> list[Part]:
    parts = []
    for number, output in enumerate(outputs, 1):
        kind = output["output_type"]
        if kind == "stream":
            parts.append(Part(number, "printed", plain_text(_screen(output["text"]))))
        elif kind == "error":
            text = f"{output['ename']}: {plain_text(_text(output['evalue']))}"
            parts.append(Part(number, "error", text))
        else:
            data = output["data"]
            first = sorted(data, key=lambda kind: (kind != "text/plain", kind))
            parts.extend(
                Part(number, kind, _form(kind, data[kind]))
                for kind in first
                if kind != _LIVE_OBJECT
            )
    return parts


def _form(kind: str, value: Any) -> str:
    if not isinstance(value, str | list) or kind.endswith("json"):
        return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False)
    text = _text(value)
    if kind in ("text/html", "image/svg+xml"):
        return plain_text(_same_ids(text))
    if kind.startswith("image/"):
        return "".join(text.split())
    return plain_text(text)


def _text(value: Any) -> str:
    return "".join(map(str, value)) if isinstance(value, list) else str(value)


def _screen(text: str) -> str:
    """Return printed text as a terminal shows it: a carriage return overwrites the line."""
    lines = _ANSI.sub("", text).split("\n")
    return "\n".join(_screen_line(line) if "\r" in line or "\b" in line else line for line in lines)


def _screen_line(line: str) -> str:
    kept: list[str] = []
    for character in line.rstrip("\r"):
        if character != "\b":
            kept.append(character)
        elif kept:
            kept.pop()
    shown, covered = list[str](), 0
    for part in reversed("".join(kept).split("\r")):
        if len(part) > covered:
            shown.append(part[covered:])
            covered = len(part)
    return "".join(shown)


def plain_text(text: str) -> str:
    """Return *text* without colours, and without values that differ in every run."""
    text = _ANSI.sub("", text)
    for pattern, instead in _MADE_UP:
        text = pattern.sub(instead, text)
    if "{" not in text:
        return text
    return "\n".join(
        _SET.sub(_sorted_set, line) if "{" in line and len(line) < SET_LINE_CHARACTERS else line
        for line in text.split("\n")
    )


def _sorted_set(match: re.Match[str]) -> str:
    """Return the text of a set with sorted elements: sets have no order."""
    try:
        value = ast.literal_eval(match[0])
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return match[0]
    if not isinstance(value, set):
        return match[0]
    return "{" + ", ".join(sorted(map(repr, value))) + "}"


def _same_ids(html: str) -> str:
    """Replace the generated ids of *html*, and references to them, by numbered ones."""
    names: dict[str, str] = {}
    for name in _ID.findall(html):
        if _GENERATED.search(name):
            names.setdefault(name, f"id-{len(names)}")
    return _WORD.sub(lambda match: names.get(match[0], match[0]), html) if names else html
