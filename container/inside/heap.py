"""Keep the interpreter's memory in one piece and in huge pages: forks and look-ups are cheap.

A fork copies an entry of the page table for every 4 KiB; for a huge page it copies one for
2 MiB. A page that a child writes to is copied alone all the same. A processor remembers few
entries, so that code which runs now and then finds more of what it needs. Sources: CPython's
Objects/obmalloc.c (arenas of 1 MiB); madvise(2), MADV_COLLAPSE.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator
from pathlib import Path

from . import linux  # noqa: TID252 (it has two names: inside a sandbox, and outside)

RESERVED_BYTES = 64 * 1024 * 1024
OBJECT_BYTES = 448
PIECE_BYTES = 512 * 1024
"""Every arena holds one whole piece of this size, wherever it begins."""


@contextlib.contextmanager
def in_one_piece() -> Iterator[None]:
    """Have what the block makes lie together; the garbage collector leaves it alone afterwards."""
    reserved = _reserve()
    yield
    del reserved
    gc.collect()
    gc.freeze()


def _reserve() -> list[bytes]:
    """Have the interpreter take its memory now, before libraries come to lie in between.

    Returns:
        What keeps the arenas from being given back, empty as they are; to be dropped once
        they have been filled.
    """
    objects = [b""] * (RESERVED_BYTES // OBJECT_BYTES)  # a list that grew would lie in between
    for number in range(len(objects)):
        objects[number] = bytes(OBJECT_BYTES)
    return list({id(thing) // PIECE_BYTES: thing for thing in objects}.values())


def collapse() -> None:
    """Put all of this process's heap into huge pages; an odd end stays as it is.

    So does everything on a Linux before 6.1, which doesn't know how.
    """
    size = linux.HUGE_PAGE_BYTES
    for line in Path("/proc/self/maps").read_text().splitlines():
        addresses, rights, _, _, inode, *name = line.split()
        if "w" not in rights or inode != "0" or (name and name[0] != "[heap]"):
            continue
        first, last = (int(address, 16) for address in addresses.split("-"))
        for page in range(-(-first // size) * size, last - size + 1, size):
            with contextlib.suppress(OSError):
                linux.make_huge_page(page)
