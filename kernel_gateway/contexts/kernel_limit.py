"""The limits on live kernels: a fixed number, and the memory that is free."""

from __future__ import annotations

from dataclasses import dataclass

from container.host.memory import Memory

MIB = 1024 * 1024
STARTING_BYTES = 64 * MIB
"""Memory that a starting kernel will use but has not allocated yet."""


@dataclass(frozen=True, slots=True)
class KernelLimit:
    """The limit on kernels.

    Attributes:
        most: Most kernels alive at once; ``None`` to limit them by memory alone.
        keep_free_bytes: Memory that must stay free after another kernel starts; ``None`` for
            *kernel_bytes*, or a tenth of the total memory if that is less.
        kernel_bytes: Memory limit of one kernel.
    """

    most: int | None
    keep_free_bytes: int | None
    kernel_bytes: int

    def allows(self, alive: int, starting: int, memory: Memory) -> bool:
        """Whether one more kernel may be started; the first one always may.

        Args:
            alive: Number of kernels alive or being started.
            starting: Number of these being started.
            memory: The current memory.
        """
        return alive == 0 or (self.has_number(alive) and self.has_memory(starting, memory))

    def has_number(self, alive: int) -> bool:
        """Whether the number of kernels allows one more."""
        return self.most is None or alive < self.most

    def has_memory(self, starting: int, memory: Memory) -> bool:
        """Whether *memory* allows one more kernel besides those being started."""
        keep = self.keep_free_bytes
        if keep is None:
            keep = min(self.kernel_bytes, memory.total // 10)
        return memory.free - (starting + 1) * STARTING_BYTES >= keep

    def words(self, alive: int) -> str:
        """Return the reason why no other kernel can be started now, in words."""
        if self.most is not None and alive >= self.most:
            return f"all {self.most} kernels are in use"
        return f"{alive} kernels are in use and there is no memory for another"


ALWAYS_WARM = 2
"""Warm kernels that are replaced as soon as one is taken."""
WARM_BYTES = 20 * MIB
"""Memory of its own that a warm kernel takes."""
WARM_SHARE = 0.03
MOST_WARM = 32


def spare_kernels(memory: Memory) -> int:
    """Return how many warm kernels to keep for users who begin at once, on a machine at rest.

    Args:
        memory: The machine's; they take at most `WARM_SHARE` of it.
    """
    most = min(MOST_WARM, int(memory.total * WARM_SHARE / WARM_BYTES))
    return max(0, most - ALWAYS_WARM)
