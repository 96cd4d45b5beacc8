"""Messages with half characters (lone surrogates) are sent; the halves become U+FFFD.

Text that was cut or decoded wrongly holds them, and no UTF-8 can. Without this, such a message is
lost, and a traceback of jupyter_client stands in its place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def packing_them(pack: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
    """Return *pack*, which makes bytes of a message's part, for parts with half characters too."""

    def packed(part: Any) -> bytes:
        try:
            return pack(part)
        except UnicodeEncodeError:
            return pack(_whole(part))

    return packed


def _whole(value: Any) -> Any:
    """Return the JSON *value* without half characters; two that belong together are joined."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_whole(name): _whole(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_whole(each) for each in value]
    return value
