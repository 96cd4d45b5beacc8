"""Undo what a writer did to an element by itself, and leave what code did to it.

Three states of an element are known: as it was read, as openpyxl writes it when nobody has
changed it, and as it was written. Where the last two are the same, code has changed nothing, and
the element becomes again what was read. The rest stays as code wants it.
"""

from __future__ import annotations

from typing import Any

from .opc import REFERENCE, STRICT_REFERENCE
from .sheet_markup import copy_of, name_of, references

_RELATIONSHIPS = (REFERENCE, STRICT_REFERENCE)


def restore(was: Any, plain: Any, now: Any, *, never_removed: frozenset[str] = frozenset()) -> None:
    """Change *now* into what was read, wherever code has not changed it.

    References to other parts stay as they are in *now*; an element that holds some is not copied.

    Args:
        was: The element as it was read.
        plain: The same element as openpyxl writes it if code changes nothing.
        now: The element as it was written; changed.
        never_removed: Attributes that stay although *was* has none of them.
    """
    for name in {*was.attrib, *plain.attrib, *now.attrib}:
        if name.startswith("{") or now.get(name) != plain.get(name):
            continue  # of another namespace: a reference, or what a reader may ignore
        if (value := was.get(name)) is not None:
            now.set(name, value)
        elif name in now.attrib and name not in never_removed:
            del now.attrib[name]
    if (now.text or "").strip() == (plain.text or "").strip():
        now.text = was.text
    _restore_children(was, plain, now)


def _restore_children(was: Any, plain: Any, now: Any) -> None:
    read, written = _by_name(was), _by_name(now)
    unchanged = _by_name(plain)
    for name in read.keys() | unchanged.keys() | written.keys():
        three = read.get(name, []), unchanged.get(name, []), written.get(name, [])
        if len(three[1]) != len(three[2]):
            continue  # code has added or removed some
        if len(three[0]) == len(three[1]):
            for each in zip(*three, strict=True):
                restore(*each)
        elif all(same(*each) for each in zip(*three[1:], strict=True)):
            _replace(now, was, three[2], three[0])


def _by_name(element: Any) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for each in element:
        if isinstance(each.tag, str):
            # a choice is none of what it wraps: openpyxl reads neither
            name = "choice" if each.tag.endswith("}AlternateContent") else name_of(each)
            found.setdefault(name, []).append(each)
    return found


def same(one: Any, other: Any) -> bool:
    """Return whether two elements say the same; references to other parts are not compared."""
    return (
        name_of(one) == name_of(other)
        and _plain_attributes(one) == _plain_attributes(other)
        and (one.text or "").strip() == (other.text or "").strip()
        and len(one) == len(other)
        and all(same(*each) for each in zip(one, other, strict=True))
    )


def _plain_attributes(element: Any) -> dict[str, str]:
    return {n: v for n, v in element.attrib.items() if not n.startswith(_RELATIONSHIPS)}


def _replace(now: Any, was: Any, gone: list[Any], wanted: list[Any]) -> None:
    """Put copies of *wanted*, children of *was*, in the place of *gone*, children of *now*."""
    wanted = [each for each in wanted if not references(each)]
    place = now.index(gone[0]) if gone else _place(now, was, wanted[0]) if wanted else 0
    for each in gone:
        now.remove(each)
    for number, each in enumerate(wanted):
        now.insert(place + number, copy_of(each))


def _place(now: Any, was: Any, child: Any) -> int:
    """Return where in *now* a child goes: before what follows it in *was*."""
    following = {each.tag for each in child.itersiblings() if isinstance(each.tag, str)}
    places = (number for number, each in enumerate(now) if each.tag in following)
    return next(places, len(now))
