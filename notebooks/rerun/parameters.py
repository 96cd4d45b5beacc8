"""A notebook's parameters, and the values given for them in a re-run.

Values from a command line are strings: they are parsed as the type of the recorded value.
"""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Mapping
from typing import Any

from nbformat.v4 import new_code_cell

from notebooks.errors import ParameterMisfit, UnknownParameter
from notebooks.record.cells import PARAMETER_TAGS
from notebooks.record.document import Notebook

INJECTED_TAG = "injected-parameters"
"""papermill's tag of a cell that replaces parameters."""
_WHOLE = re.compile(r"[-+]?[0-9]{1,4000}")
_REAL = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")


class Computed:
    """Placeholder for the value of a parameter that is not a literal; *source* is its code."""

    def __init__(self, source: str) -> None:
        self.source = source


def notebook_parameters(notebook: Notebook) -> dict[str, Any]:
    """Return name and last recorded value of every parameter of all requests."""
    return {
        name: value
        for cell in notebook.cells
        if is_parameters_cell(cell)
        for name, value in _assignments(str(cell.source)).items()
    }


def is_parameters_cell(cell: Any) -> bool:
    """Whether *cell* sets parameters: the notebook's own, a later request's, or a re-run's."""
    tags = {*cell.metadata.get("tags", ())}
    return cell.cell_type == "code" and bool(tags & {*PARAMETER_TAGS, INJECTED_TAG})


def _assignments(source: str) -> dict[str, Any]:
    """Return the names that *source* assigns at its top level, with their values."""
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    found: dict[str, Any] = {}
    for node in body:
        if isinstance(node, ast.Assign):
            targets: list[ast.expr] = node.targets
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            targets = [node.target]
        else:
            continue
        for target in targets:
            _assign(target, node.value, found)
    return found


def _assign(target: ast.expr, value: ast.expr | None, found: dict[str, Any]) -> None:
    if value is None:
        return
    if isinstance(target, ast.Tuple | ast.List):
        values = value.elts if isinstance(value, ast.Tuple | ast.List) else ()
        if len(values) == len(target.elts):
            for one, its in zip(target.elts, values, strict=True):
                _assign(one, its, found)
    elif isinstance(target, ast.Name):
        try:
            found[target.id] = ast.literal_eval(value)
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            found[target.id] = Computed(ast.unparse(value))


def given_parameters(notebook: Notebook, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return *given* with values of the recorded types.

    Args:
        notebook: The recorded notebook.
        given: Values by name. A string is parsed as the type of the recorded value; any other
            value must already have that type.

    Raises:
        UnknownParameter: No request of the notebook has such a parameter.
        ParameterMisfit: A value is not of the recorded type, or not a finite number.
    """
    known = notebook_parameters(notebook)
    values = {}
    for name, value in given.items():
        if name not in known:
            raise UnknownParameter(name, sorted(known))
        try:
            values[name] = _fitting(known[name], value)
        except _Misfit as misfit:
            raise ParameterMisfit(name, value, str(misfit)) from None
    return values


class _Misfit(Exception):
    """A value can't replace the recorded one; the text says what is expected."""


def _fitting(recorded: Any, value: Any) -> Any:
    if isinstance(recorded, Computed):
        raise _Misfit(f"is computed in the notebook ({recorded.source}); it can't be replaced")
    if isinstance(value, str):
        value = _from_text(recorded, value)
    if isinstance(recorded, float) and isinstance(value, int) and not isinstance(value, bool):
        value = _real(str(value), recorded)
    if not _same_kind(recorded, value):
        raise _Misfit(f"is {_kind(recorded)} in the notebook ({_brief(recorded)})")
    return value


def _from_text(recorded: Any, text: str) -> Any:
    """Return *text* parsed as the type of *recorded*."""
    if isinstance(recorded, str):
        return _encodable(text, recorded)
    if isinstance(recorded, bool):
        if text.strip().lower() not in ("true", "false"):
            raise _Misfit(f"is true or false in the notebook ({recorded})")
        return text.strip().lower() == "true"
    if isinstance(recorded, int):
        if not _WHOLE.fullmatch(text.strip()):
            raise _Misfit(f"is a whole number in the notebook ({recorded})")
        return int(text)
    if isinstance(recorded, float):
        return _real(text, recorded)
    if recorded is None:
        return _from_json(text) if text.strip() != "None" else None
    if isinstance(recorded, list | dict | tuple):
        value = _from_literal(text, recorded)
        return tuple(value) if isinstance(recorded, tuple) and isinstance(value, list) else value
    raise _Misfit(f"is {_kind(recorded)} in the notebook; it can't be replaced from here")


def _real(text: str, recorded: float) -> float:
    if not _REAL.fullmatch(text.strip()) or not math.isfinite(value := float(text)):
        raise _Misfit(f"is a finite number in the notebook ({recorded})")
    return value


def _encodable(text: str, recorded: Any) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise _Misfit(
            f"is text in the notebook ({_brief(recorded)}), and this is not UTF-8"
        ) from None
    return text


def _from_json(text: str) -> Any:
    """Return the JSON value of *text*, or the text itself if it is no JSON."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return _encodable(text, None)
    if not _finite(value):
        raise _Misfit("has no type in the notebook (None), and this is no finite number")
    return value


def _from_literal(text: str, recorded: Any) -> Any:
    for read in (json.loads, ast.literal_eval):
        try:
            return read(text)
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            continue
    raise _Misfit(f"is {_kind(recorded)} in the notebook, as in {_brief(recorded)}")


def _same_kind(recorded: Any, value: Any) -> bool:
    """Whether *value* has the type of *recorded*, elements of lists and dicts included."""
    if recorded is None:
        return _finite(value)
    if isinstance(recorded, list | tuple):
        return type(value) is type(recorded) and _all_fit(list(recorded), list(value))
    if isinstance(recorded, dict):
        if not isinstance(value, dict) or not _all_fit(list(recorded), list(value)):
            return False
        shared = all(_same_kind(recorded[key], value[key]) for key in recorded if key in value)
        return shared and _all_fit(list(recorded.values()), list(value.values()))
    if isinstance(recorded, float):
        return isinstance(value, float | int) and not isinstance(value, bool) and _finite(value)
    return type(value) is type(recorded)


def _all_fit(recorded: list[Any], values: list[Any]) -> bool:
    """Whether each of *values* has the type of one of *recorded*; if that is empty, any type."""
    if not recorded:
        return all(map(_finite, values))
    return all(any(_same_kind(one, value) for one in recorded) for value in values)


def _finite(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_finite, value))
    if isinstance(value, dict):
        return all(map(_finite, value.values()))
    return not isinstance(value, float) or math.isfinite(value)


def _kind(value: Any) -> str:
    names = {str: "text", bool: "true or false", int: "a whole number", float: "a finite number"}
    names |= {list: "a list", dict: "a mapping", tuple: "a tuple"}
    return names.get(type(value), f"of type {type(value).__name__}")


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"


def with_parameters(notebook: Notebook, values: Mapping[str, Any]) -> Notebook:
    """Insert, after each cell that sets some of *values*, a cell that sets them again.

    So a value also replaces that of a later request with the same parameter.

    Returns:
        *notebook* itself, changed.
    """
    cells = []
    for cell in notebook.cells:
        cells.append(cell)
        if is_parameters_cell(cell):
            ours = [name for name in _assignments(str(cell.source)) if name in values]
            if ours:
                lines = ["# Parameters of the re-run", *(f"{n} = {values[n]!r}" for n in ours)]
                source = "\n".join(lines)
                cells.append(new_code_cell(source, metadata={"tags": [INJECTED_TAG]}))
    notebook.cells = cells
    return notebook
