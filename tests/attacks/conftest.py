"""Every attack runs past the risk check, on every backend: the sandbox must hold alone."""

import pytest

CALL = """
import ctypes, os, errno
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(number), *arguments)
    return result, errno.errorcode.get(ctypes.get_errno(), '-')
"""


@pytest.fixture
async def attack(start_kernel):
    """Return a function that runs hostile code in a fresh kernel and gives what it printed."""

    async def run(code: str, **limits) -> str:
        kernel = await start_kernel(**limits)
        await kernel.run(CALL + code)
        return kernel.text()

    return run


@pytest.fixture
def audited() -> bool:
    """Attacks on the sandbox run past the audit hook that stands before it."""
    return False
