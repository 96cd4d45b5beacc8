"""A path's checkpoints and undos, over the public API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from kernel_gateway.terminal.files import FileProblem, PathFiles
from kernel_gateway.terminal.view import plain

SHOWN_DIGITS = 12
"""Characters of a checkpoint's id that lists show; they are enough to name it."""
MOST_NAMED = 4


async def listed(path: PathFiles, **filters: str | None) -> list[dict[str, Any]]:
    """Return the checkpoints as the API lists them, the newest first.

    Args:
        path: The path.
        filters: ``file``, ``turn``, ``after``, ``before`` or ``limit``, as the API takes them.
    """
    query = urlencode({name: value for name, value in filters.items() if value is not None})
    answer = await path.client.get(f"{path.url}/history?{query}")
    found: list[dict[str, Any]] = answer["checkpoints"]
    if not answer["enabled"]:
        raise FileProblem("No checkpoints are made: the service's settings keep none.")
    return found


async def detail(path: PathFiles, checkpoint: str) -> dict[str, Any]:
    """Return one checkpoint, named by the first characters of its id."""
    full = await _full(path, checkpoint)
    found: dict[str, Any] = await path.client.get(f"{path.url}/history/{quote(full)}")
    return found


async def restore(
    path: PathFiles, checkpoint: str, files: Sequence[str], *, confirm: bool
) -> dict[str, Any]:
    """Put files back as a checkpoint has them; all files if none are named."""
    body = {"confirm": confirm, **({"files": list(files)} if files else {})}
    full = await _full(path, checkpoint)
    reply: dict[str, Any] = await path.client.post(
        f"{path.url}/history/{quote(full)}/restore", body
    )
    return reply


async def undo(path: PathFiles, *, confirm: bool, **target: Any) -> dict[str, Any]:
    """Undo requests; *target* as the API takes it (``to``, ``turn``, ``files``)."""
    body = {name: value for name, value in target.items() if value}
    reply: dict[str, Any] = await path.client.post(
        f"{path.url}/history/undo", {"confirm": confirm, **body}
    )
    return reply


async def last_undo(path: PathFiles) -> str:
    """Return the turn of the last undo that ended well.

    Raises:
        FileProblem: There is none.
    """
    turns = (await path.client.get(f"{path.url}/turns"))["turns"]
    undos = [turn["id"] for turn in turns if (turn["kind"], turn["status"]) == ("undo", "ok")]
    if not undos:
        raise FileProblem("Nothing was undone in this conversation.")
    return str(undos[-1])


async def delete(path: PathFiles, checkpoint: str | None) -> dict[str, Any]:
    """Delete a checkpoint; ``None`` for all of the path."""
    name = "" if checkpoint is None else f"/{quote(await _full(path, checkpoint))}"
    gone: dict[str, Any] = await path.client.delete(f"{path.url}/history{name}")
    return gone


async def _full(path: PathFiles, start: str) -> str:
    if start == "empty":
        return start
    found = [entry["id"] for entry in await listed(path, limit="500")]
    matching = [name for name in found if name.startswith(start)]
    if len(matching) == 1 or start in matching:
        return start if start in matching else str(matching[0])
    problem = "no checkpoint begins" if not matching else f"{len(matching)} checkpoints begin"
    raise FileProblem(f"{problem} with {start!r}. See `tallybook history list`.")


def row(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a checkpoint as a line of a table: id, time, turn, files, bytes, what changed."""
    changed = [
        f"{sign}{plain(name)}"
        for sign, kind in (("+", "added"), ("~", "changed"), ("-", "removed"))
        for name in entry[kind]
    ]
    more = [f"and {len(changed) - MOST_NAMED} more"] if len(changed) > MOST_NAMED else []
    unkept = [f"{len(entry['not_kept'])} not kept"] if entry["not_kept"] else []
    return (
        entry["id"][:SHOWN_DIGITS],
        str(entry["at"] or "")[:19],
        str(entry["turn"] or ""),
        str(entry["files"]),
        f"{entry['size']:,}",
        ", ".join([*changed[:MOST_NAMED], *more, *unkept]),
    )


HEADS = (
    "checkpoint",
    "made at (UTC)",
    "before request",
    "files",
    "bytes",
    "changed since",
)


def detail_lines(found: Mapping[str, Any]) -> list[str]:
    """Return what a checkpoint holds, and what restoring it would do now, line by line."""
    lines = [f"{found['id']}: {found['files']} files, {found['size']:,} bytes"]
    lines += [
        f"  {plain(file['name'])}  {file['size']:,}{'' if file['kept'] else '  (not kept)'}"
        for file in found["contents"]
    ]
    lines += [f"  {plain(file['name'])}: {file['reason']}" for file in found["not_kept"]]
    lines.append("Restoring it now would")
    lines += [
        f"  write {plain(file['name'])}: {_size(file['size_now'])} → {_size(file['size_then'])}"
        for file in found["would_write"]
    ]
    lines += [
        f"  remove {plain(file['name'])}: {_size(file['size_now'])}"
        for file in found["would_remove"]
    ]
    lines += [
        f"  leave {plain(file['name'])}: {file['reason']}" for file in found["would_not_restore"]
    ]
    changing = found["would_write"] or found["would_remove"] or found["would_not_restore"]
    return lines if changing else [*lines[:-1], "Restoring it now would change nothing."]


def _size(size: int | None) -> str:
    return "no file" if size is None else f"{size:,} bytes"
