"""The ``parameters`` cell: the input files and the constants in a request."""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Mapping, Sequence
from typing import Any

MAX_PARAMETERS = 30
HEADING = "# Parameters: run again with other values (tallybook rerun -p NAME VALUE)"
TURN_HEADING = "# Parameters of this request"


def parameters_problem(parameters: Mapping[str, Any]) -> str:
    """Return why *parameters* can't become variables, or ``""``."""
    if len(parameters) > MAX_PARAMETERS:
        return f"there are more than {MAX_PARAMETERS} parameters"
    for name, value in parameters.items():
        if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("_"):
            return f"{name!r} is not a variable name"
        if hasattr(builtins, name):
            return f"{name!r} would hide one of Python's own names"
        if not _plain(value):
            return f"the value of {name!r} is not a plain constant"
    return ""


def _plain(value: Any) -> bool:
    if isinstance(value, list):
        return len(value) <= 1000 and all(_plain(item) for item in value)
    if isinstance(value, dict):
        return all(isinstance(key, str) and _plain(item) for key, item in value.items())
    return value is None or isinstance(value, str | int | float | bool)


def parameters_source(input_files: Sequence[str], parameters: Mapping[str, Any]) -> str:
    """Return the source of the notebook's ``parameters`` cell."""
    return _source(HEADING, {"input_files": list(input_files), **parameters})


def turn_parameters_source(parameters: Mapping[str, Any]) -> str:
    """Return the source of a later turn's own parameters cell."""
    return _source(TURN_HEADING, parameters)


def _source(heading: str, values: Mapping[str, Any]) -> str:
    lines = [f"{name} = {_whole(value)!r}" for name, value in values.items()]
    return "\n".join([heading, *lines])


def _whole(value: Any) -> Any:
    # JSON has one number type: 1000 may arrive as 1000.0.
    return int(value) if isinstance(value, float) and value.is_integer() else value
