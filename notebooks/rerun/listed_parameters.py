"""A notebook's parameters as a person sees them: name, type, and the value as text."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

from notebooks.record.document import Notebook
from notebooks.rerun.parameters import Computed, notebook_parameters

Kind = Literal[
    "text", "yes-or-no", "whole-number", "number", "list", "mapping", "none", "computed", "other"
]
_KINDS: dict[type, Kind] = {
    str: "text",
    bool: "yes-or-no",
    int: "whole-number",
    float: "number",
    list: "list",
    tuple: "list",
    dict: "mapping",
    type(None): "none",
}


@dataclass(frozen=True, slots=True)
class ListedParameter:
    """A parameter of a notebook.

    Attributes:
        name: Its name.
        kind: What kind of value it has; ``computed`` and ``other`` can't be replaced.
        value: Its last recorded value, as a text that `given_parameters` reads as that value; the
            source of a computed one.
    """

    name: str
    kind: Kind
    value: str


def listed_parameters(notebook: Notebook) -> list[ListedParameter]:
    """Return the parameters of all requests of *notebook*, in the order they were first named."""
    return [_listed(name, value) for name, value in notebook_parameters(notebook).items()]


def _listed(name: str, value: Any) -> ListedParameter:
    if isinstance(value, Computed):
        return ListedParameter(name, "computed", value.source)
    return ListedParameter(name, _KINDS.get(type(value), "other"), _text(value))


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        try:
            text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        except (TypeError, ValueError):  # it holds what JSON has not, such as a tuple's keys
            return repr(value)
        return text if json.loads(text) == value else repr(value)
    return repr(value)
