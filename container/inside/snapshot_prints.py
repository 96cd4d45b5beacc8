"""Fingerprints of variables: whether a restored variable is what the snapshot's was.

A fingerprint covers types, sizes, names, which objects are shared, and values: of large arrays
and containers a sample. The bytes themselves are covered by the snapshot's hashes; this covers
what unpickling made of them. No ``__repr__``, ``__len__`` or ``__eq__`` of a user's class is
called.
"""

from __future__ import annotations

import hashlib
import sys
import types
from collections.abc import Mapping
from typing import Any

MOST_OBJECTS = 20_000
MOST_ITEMS = 200
SAMPLE = 512
CONSTANTS = (int, float, complex, str, bytes, bool, type(None), tuple)
"""Constants of a function's code whose texts are always the same."""
_PLAIN = (int, float, complex, bool, type(None), type(Ellipsis))


def fingerprints(values: Mapping[str, Any]) -> dict[str, str]:
    """Return name → fingerprint, 32 hex digits, of *values*, name → value."""
    walk = _Walk()
    return {name: walk.of(values[name]) for name in sorted(values)}


def root_of(array: Any) -> Any:
    """Return the NumPy array whose memory *array* is a view of; itself if it is none."""
    kind = type(array)
    while True:
        base = array.base
        if type(base).__name__ == "DummyArray":  # of NumPy's as_strided
            base = base.base
        if type(base) is not kind:
            return array
        array = base


class _Walk:
    """Numbers objects in the order in which they are met, so that sharing shows."""

    def __init__(self) -> None:
        self._seen: dict[int, int] = {}
        self._places: dict[int, int] = {}
        self._kept: list[Any] = []
        self._left = MOST_OBJECTS

    def of(self, value: Any) -> str:
        """Return the fingerprint of *value*."""
        digest = hashlib.blake2b(digest_size=16)
        waiting = [value]
        while waiting and self._left > 0:
            self._left -= 1
            waiting.extend(reversed(self._take(waiting.pop(), digest)))
        return digest.hexdigest()

    def _take(self, value: Any, digest: Any) -> list[Any]:
        """Add *value* to *digest*; return what it holds."""
        kind = type(value)
        digest.update(f"{kind.__module__}.{kind.__qualname__};".encode(errors="replace"))
        if kind in _PLAIN:
            digest.update(repr(value).encode())
            return []
        if kind in (str, bytes, bytearray):
            data = value.encode(errors="surrogatepass") if kind is str else bytes(value)
            digest.update(f"{len(data)}".encode() + data[:SAMPLE] + data[-SAMPLE:])
            return []
        if kind is tuple or kind is frozenset:
            return self._items(value, digest)
        if (number := self._seen.get(id(value))) is not None:
            digest.update(f"={number};".encode())
            return []
        self._seen[id(value)] = len(self._seen)
        self._kept.append(value)
        return self._content(value, kind, digest)

    def _content(self, value: Any, kind: type, digest: Any) -> list[Any]:
        numpy, pandas = sys.modules.get("numpy"), sys.modules.get("pandas")
        if kind in (list, dict, set):
            return self._items(value, digest)
        if numpy is not None and kind is numpy.ndarray:
            return self._array(value, digest)
        if pandas is not None and kind in (pandas.DataFrame, pandas.Series):
            return self._frame(value, digest)
        if pandas is not None and isinstance(value, pandas.Index):
            digest.update(str(len(value)).encode())
            return [value.name, _spread(value)]
        if kind is types.FunctionType:
            code = value.__code__
            digest.update(code.co_code + ",".join(code.co_names).encode(errors="replace"))
            plain = [repr(each) for each in code.co_consts if type(each) in CONSTANTS]
            digest.update(",".join(plain).encode(errors="replace"))
            return [value.__name__, value.__defaults__]
        if issubclass(kind, type) or kind is types.ModuleType:
            digest.update(str(object.__repr__(value).partition(" at ")[0]).encode())
            return []
        try:
            held = object.__getattribute__(value, "__dict__")
        except AttributeError:
            return []
        return self._items(held, digest) if type(held) is dict else []

    def _items(self, value: Any, digest: Any) -> list[Any]:
        digest.update(f"{len(value)};".encode())
        if type(value) in (set, frozenset):  # in no order
            return []
        if type(value) is dict:
            items = list(value.items()) if len(value) <= MOST_ITEMS else _ends(value)
            return [part for item in items for part in item]
        return list(value) if len(value) <= MOST_ITEMS else [*value[:100], *value[-100:]]

    def _array(self, array: Any, digest: Any) -> list[Any]:
        digest.update(repr((array.dtype.str, array.shape)).encode())
        root = root_of(array)
        if root.nbytes:  # an array read from a snapshot is a view of its whole memory
            place = root.__array_interface__["data"][0]
            digest.update(f"@{self._places.setdefault(place, len(self._places))};".encode())
        return self._values(array, digest)

    def _values(self, array: Any, digest: Any) -> list[Any]:
        if not array.size:
            return []
        step = max(1, array.size // SAMPLE)
        sample = array.flat[::step]
        if array.dtype.hasobject:
            return list(sample.tolist())[: SAMPLE + 1]
        digest.update(sample.tobytes())
        return []

    def _frame(self, frame: Any, digest: Any) -> list[Any]:
        digest.update(repr(frame.shape).encode())
        held: list[Any] = []
        for block in frame._mgr.blocks:
            values = block.values
            digest.update(str(values.dtype).encode())
            if isinstance(values, sys.modules["numpy"].ndarray):
                digest.update(repr(values.shape).encode())
                held += self._values(values, digest)
            else:
                held += _spread(values)
        name = () if frame.ndim > 1 else (frame.name,)
        return [*frame._mgr.axes, *held, *name, frame.attrs]


def _ends(value: dict[Any, Any]) -> list[Any]:
    import itertools

    first = list(itertools.islice(value.items(), MOST_ITEMS // 2))
    last = list(itertools.islice(reversed(value.items()), MOST_ITEMS // 2))
    return first + last


def _spread(values: Any) -> list[Any]:
    """Return some values of an index or an extension array, as plain text and numbers."""
    step = max(1, len(values) // 50)
    return [
        item if type(item) in (*_PLAIN, str) else str(item) for item in list(values[::step])[:60]
    ]
