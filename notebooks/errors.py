"""Errors of the notebooks layer.

::

    NotebookError
    ├── NotebookUnreadable   not a notebook file at all
    ├── UnknownParameter     `rerun -p` names none of the notebook's parameters
    ├── InputMissing         a file the notebook reads was not given to the re-run
    └── RerunFailed          the re-run could not start
"""

from __future__ import annotations

from collections.abc import Sequence


class NotebookError(Exception):
    """Base of every error this layer raises on purpose."""

    code = "notebook-error"


class NotebookUnreadable(NotebookError):
    """The file is missing or is not a notebook."""

    code = "notebook-unreadable"

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path, self.reason = path, reason

    def __str__(self) -> str:
        return f"{self.path} is not a readable notebook: {self.reason}. Name an .ipynb file."


class UnknownParameter(NotebookError):
    """A parameter was given that the notebook's parameters cell does not set."""

    code = "unknown-parameter"

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(name, tuple(known))
        self.name, self.known = name, tuple(known)

    def __str__(self) -> str:
        known = ", ".join(self.known) or "none"
        return f"The notebook has no parameter {self.name!r}. It has: {known}."


class InputMissing(NotebookError):
    """An input file the notebook names is not there."""

    code = "input-missing"

    def __init__(self, names: Sequence[str], directory: str) -> None:
        super().__init__(tuple(names), directory)
        self.names, self.directory = tuple(names), directory

    def __str__(self) -> str:
        return (
            f"The notebook reads {', '.join(self.names)}, not found in {self.directory}. "
            "Name the directory that holds the input files: --inputs DIR."
        )


class RerunFailed(NotebookError):
    """The re-run never got as far as running cells."""

    code = "rerun-failed"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"The notebook could not be re-run: {self.reason}"
