"""The packages that the notebook's code can import, as a lock file."""

from __future__ import annotations

import importlib.metadata
import platform
import re

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def python_version() -> str:
    """Return the version of Python that kernels run with."""
    return platform.python_version()


def requirements() -> str:
    """Return every installed package with its version, as pip reads it.

    Kernels run with the service's own packages.
    """
    found = {
        name.lower().replace("_", "-"): f"{name}=={package.version}"
        for package in importlib.metadata.distributions()
        if NAME.fullmatch(name := str(package.metadata["Name"] or ""))
    }
    return "\n".join([f"# Python {python_version()}", *(found[name] for name in sorted(found)), ""])
