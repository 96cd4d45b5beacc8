"""What the kernel's and the service's end of a snapshot's socket agree on."""

from __future__ import annotations

import struct

SOCKET = "/run/kernel/net/snapshots"
"""Where the kernel finds the service's socket, while that asks for a snapshot."""
LENGTH = struct.Struct(">Q")
"""A message's length, in front of it."""
CHUNK_BYTES = 4 * 1024 * 1024
"""A segment is named by the SHA-256 of the SHA-256 of each of its chunks of this size."""
