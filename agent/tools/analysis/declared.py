"""What the model is sent of the analyses: a line on each, and all arguments of one on request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from agent.tools.office.arguments import schema_of

ALIKE = ("table", "save_as")
"""Arguments that are declared themselves, as most analyses take them."""
_TABLE = {
    "type": "object",
    "properties": {
        "file": {"type": "string"},
        "sheet": {"type": "string", "description": "Where several have tables."},
        "number": {"type": "integer", "description": "Of its tables, from 1."},
        "variable": {"type": "string", "description": "A DataFrame, instead of file."},
    },
}
COMMON: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "analysis": {"type": "string"},
        "table": _TABLE,
        "options": {
            "type": "object",
            "description": "The other arguments, by name.",
            "additionalProperties": True,
        },
        "save_as": {"type": "string", "description": "Also write it to outputs/: .xlsx, .csv."},
        "explain": {"type": "boolean", "description": "Explain its arguments, run nothing."},
    },
    "required": ["analysis"],
}


def signature(name: str, arguments: type[BaseModel], needs: str = "") -> str:
    """Return one line: what an analysis does and takes.

    Args:
        name: The analysis.
        arguments: The model of its arguments.
        needs: What has to be given of the arguments that may be left out.
    """
    schema = schema_of(arguments)
    words = (arguments.__doc__ or "").strip().rstrip(".")
    taken = [
        _short(argument, each, optional=argument not in schema["required"])
        for argument, each in schema["properties"].items()
        if argument != "save_as"
    ]
    needed = f"; needs {needs}" if needs else ""
    return f"{name}({', '.join(taken)}): {words}{needed}"


def _short(argument: str, schema: Mapping[str, Any], *, optional: bool) -> str:
    options = "|".join(map(str, schema.get("enum", ())))
    kind = "[]" if schema.get("type") == "array" else ""
    return f"{argument}{kind}{'?' if optional else ''}{f'={options}' if options else ''}"


def details(arguments: type[BaseModel]) -> str:
    """Return every argument of an analysis, a line each, with those of its parts below it."""
    return "\n".join(_lines(schema_of(arguments), ""))


def _lines(schema: Mapping[str, Any], indent: str) -> Iterator[str]:
    required = schema.get("required", ())
    for name, each in schema["properties"].items():
        form = _without_null(each)
        words = each.get("description") or form.get("description") or ""
        known = [_kind(form), "" if name in required else "may be left out"]
        yield f"{indent}- {name} ({', '.join(filter(None, known))}){f': {words}' if words else ''}"
        inner = _without_null(form.get("items", form))
        if "properties" in inner and name not in ALIKE:
            yield from _lines(inner, f"{indent}  ")


def _without_null(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    either = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    return either[0] if len(either) == 1 else schema


def _kind(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return " or ".join(map(repr, schema["enum"]))
    if either := schema.get("anyOf"):
        return " or ".join(_kind(each) for each in either if each != {"type": "null"})
    kind = str(schema.get("type", "object"))
    if kind == "array":
        return f"list of {_kind(schema['items'])}"
    return "date" if schema.get("format") == "date" else kind
