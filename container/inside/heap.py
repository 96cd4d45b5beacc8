"""Keep the interpreter's heap contiguous and in huge pages, for fast forks and fewer TLB misses.

A fork copies a page-table entry per 4 KiB, or one per 2 MiB of huge pages. A child's write
still copies only a small page. A huge page takes one TLB entry, so code that runs rarely
misses less. Sources: CPython's Objects/obmalloc.c (arenas of 1 MiB); madvise(2), MADV_COLLAPSE.
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
"""Every arena contains one whole aligned piece of this size, wherever it starts."""


@contextlib.contextmanager
def in_one_piece() -> Iterator[None]:
    """Allocate the block's objects contiguously, and exempt them from garbage collection."""
    reserved = _reserve()
    yield
    del reserved
    gc.collect()
    gc.freeze()


def _reserve() -> list[bytes]:
    """Make the interpreter allocate its arenas now, before libraries map memory among them.

    Returns:
        An object in each arena, which keeps it allocated; drop them once the arenas are in use.
    """
    objects = [b""] * (RESERVED_BYTES // OBJECT_BYTES)  # a growing list would break the range
    for number in range(len(objects)):
        objects[number] = bytes(OBJECT_BYTES)
    return list({id(thing) // PIECE_BYTES: thing for thing in objects}.values())


def collapse() -> None:
    """Collapse this process's heap into huge pages, except for unaligned ends.

    On Linux before 6.1, which lacks MADV_COLLAPSE, nothing changes.
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
