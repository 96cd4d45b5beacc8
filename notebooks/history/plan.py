"""What a restoration would do to the files of a workspace; decided before any file is touched."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from notebooks.history.checkpoints import Checkpoint

UPLOADS = "inputs/"


@dataclass(frozen=True, slots=True, kw_only=True)
class RestorePlan:
    """Which files to write and to remove.

    Attributes:
        write: Name → sha256 of the content it gets.
        remove: Files that were not there then.
        unavailable: Name → why it stays as it is although it was different then.
    """

    write: Mapping[str, str] = field(default_factory=dict)
    remove: tuple[str, ...] = ()
    unavailable: Mapping[str, str] = field(default_factory=dict)

    def result(self, current: Mapping[str, str]) -> dict[str, str]:
        """Return name → sha256 of all files after it was carried out on *current*."""
        left = {name: sha256 for name, sha256 in current.items() if name not in self.remove}
        return {**left, **self.write}


def plan_restore(
    wanted: Mapping[str, str],
    current: Mapping[str, str],
    kept: Callable[[str], bool],
    only: Collection[str] | None = None,
) -> RestorePlan:
    """Return how to get from the files *current* to *wanted* (name → sha256).

    An upload that was added later stays: users upload, cells don't. One that was replaced later
    gets its content of then.

    Args:
        wanted: The files as they were.
        current: The files as they are.
        kept: Whether a content can be had.
        only: Only these names; ``None`` for all.
    """
    names = [n for n in sorted({*wanted, *current}) if only is None or n in only]
    write, unavailable = {}, {}
    for name in names:
        if name not in wanted or wanted[name] == current.get(name):
            continue
        if kept(wanted[name]):
            write[name] = wanted[name]
        else:
            unavailable[name] = _why(wanted[name])
    return RestorePlan(
        write=write,
        remove=tuple(n for n in names if n not in wanted and not n.startswith(UPLOADS)),
        unavailable=unavailable,
    )


def _why(sha256: str) -> str:
    if sha256.startswith("size:"):
        return "its content of then is larger than 200 MB and was not kept"
    return "its content of then is not kept (any more)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """How files differ between two moments: names, sorted."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.added, *self.changed, *self.removed)


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> Changes:
    """Return what differs from *before* in *after* (name → sha256)."""
    return Changes(
        added=tuple(sorted(after.keys() - before.keys())),
        changed=tuple(n for n in sorted(before.keys() & after.keys()) if before[n] != after[n]),
        removed=tuple(sorted(before.keys() - after.keys())),
    )


def with_changes(checkpoints: Iterable[Checkpoint]) -> Iterator[tuple[Checkpoint, Changes]]:
    """Yield each of *checkpoints*, oldest first, with what changed since the one before."""
    before: dict[str, str] = {}
    for made in checkpoints:
        hashes = made.hashes
        yield made, changes(before, hashes)
        before = hashes
