"""What the content of an ``execute_reply`` says; code in the kernel can forge all of it."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from typing import Any

PAYLOAD = "tallybook"
"""Source of the payload that `container.inside.audit_hook` adds."""
MOST_OPENED, LONGEST_NAME = 200, 1000
TABLE_NOTES, MOST_NOTES = ("reads", "writes", "steps"), 100


def take_file_use(
    content: dict[str, Any],
) -> tuple[tuple[str, ...] | None, Mapping[str, list[Any]]]:
    """Remove from a reply what the kernel tells of the files that the cell used; return it.

    Returns:
        The names of the uploads it opened, ``None`` if the kernel did not tell; and what was
        noted of tables read and written (see `notebooks.workbooks.tie_out.journal`), by list.
    """
    payload = content.get("payload")
    if not isinstance(payload, list):
        return None, {}
    ours = [p for p in payload if isinstance(p, Mapping) and p.get("source") == PAYLOAD]
    content["payload"] = [p for p in payload if p not in ours]
    if not ours:
        return None, {}
    return _opened(ours[0].get("opened")), _tables(ours[0].get("tables"))


def _opened(said: object) -> tuple[str, ...] | None:
    if not isinstance(said, list):
        return None
    names = [name for name in said[:MOST_OPENED] if isinstance(name, str)]
    return tuple(name for name in names if len(name) <= LONGEST_NAME)


def _tables(said: object) -> Mapping[str, list[Any]]:
    if not isinstance(said, Mapping):
        return {}
    lists = {key: said[key] for key in TABLE_NOTES if isinstance(said.get(key), list)}
    return {key: notes[:MOST_NOTES] for key, notes in lists.items()}


def out_of_memory(reply: Mapping[str, Any]) -> bool:
    """Whether an ``execute_reply`` reports a failed allocation, in Python or a library."""
    ename, evalue = str(reply.get("ename", "")), str(reply.get("evalue", ""))
    return (
        ename.endswith("MemoryError")
        or (ename == "OSError" and evalue.startswith(f"[Errno {errno.ENOMEM}]"))
        or (ename == "RuntimeError" and evalue.endswith("not enough memory"))
    )


def valid_count(said: object) -> int | None:
    """Return an execution count if it is valid: code in the kernel can forge a reply."""
    return said if type(said) is int and 0 <= said < 2**31 else None


def valid_lines(said: object) -> tuple[str, ...]:
    """Return a traceback's lines; none if it is no list."""
    return tuple(str(line) for line in said) if isinstance(said, list) else ()
