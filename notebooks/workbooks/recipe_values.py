"""Lines of a recipe that turn what is kept as text or as a number into what it stands for."""

from __future__ import annotations

from .profile.column import Column
from .profile.column_kinds import PLACEHOLDERS

NUMBERS = ("number", "currency", "percent", "integer")
AMOUNT = '''
def amount(text, decimal="."):
    """Return the number that a text such as (1,250.00), 1'250.00- or 15 % stands for."""
    if not isinstance(text, str):
        return text
    bare = re.sub(r"[^\\W\\d_]+\\.?", "", text)
    digits = "".join(sign for sign in bare if sign.isdigit() or sign == decimal)
    if not any(map(str.isdigit, digits)):
        return 0.0 if bare.strip() and not bare.strip("-−–— .,\\u00a0") else None
    number = float(digits.replace(decimal, ".") if decimal else digits)
    number = number / 100 if "%" in bare else number
    return -number if set(bare) & set("(-−–") else number
'''


def is_plain(column: Column, decimal: str) -> bool:
    """Return whether `read_csv` reads the column with the file's decimal sign."""
    notation = column.notation
    if notation is None or not notation.plain or column.strays:
        return False
    blanks = notation.thousands not in ("", ",", ".")
    point = decimal or "."
    return not blanks and notation.decimal in ("", point) and notation.thousands != point


def identifier_line(target: str, column: Column, *, as_objects: bool) -> str:
    """Return the line that gives identifiers kept as numbers their digits."""
    if column.kind != "identifier" or column.stored not in ("number", "mixed"):
        return ""
    text = f'{target}.map(str, na_action="ignore")' if as_objects else target
    if column.digits:
        return f"{target} = {text}.str.zfill({column.digits})"
    return f"{target} = {text}" if as_objects else ""


def conversion_line(
    target: str, column: Column, *, text: bool, decimal: str, from_1904: bool
) -> str:
    """Return the line that turns a column's texts or serial numbers into what they stand for.

    Args:
        target: The column, as code names it.
        column: What is known of it.
        text: The file holds text only.
        decimal: The decimal sign that the reader gets as an argument.
        from_1904: Days count from 1904.
    """
    if column.kind == "date":
        return _date(target, column, from_1904=from_1904)
    if column.kind not in NUMBERS:
        return ""
    odd = _is_odd(column)
    if (
        column.notation
        and (column.stored or column.strays or text)
        and (not text or not is_plain(column, decimal))
    ):
        if column.notation.ambiguous:
            return f"# {target}: {column.notation.name}; ask before reading it as numbers"
        sign = column.notation.decimal
        option = "" if sign == "." else f", decimal={sign!r}"
        line = f"{target} = {target}.map(amount{option})"
        return f"# {line}  # {_odd(column)}" if odd else line
    if column.strays:
        line = f'{target} = pd.to_numeric({target}, errors="coerce")'
        return f"# {line}  # {_odd(column)}" if odd else f"{line}  # {_odd(column)}"
    return ""


def _is_odd(column: Column) -> bool:
    """Return whether a column has values of another kind that are no placeholders."""
    return not all(str(value).strip().lower() in PLACEHOLDERS for value in column.strays)


def _odd(column: Column) -> str:
    values = ", ".join(f"{value!r:.40}" for value in list(column.strays)[:3])
    return f"{sum(column.strays.values())} cells are something else: {values}".replace("\n", " ")


def _date(target: str, column: Column, *, from_1904: bool) -> str:
    if column.stored == "serial":
        origin = "1904-01-01" if from_1904 else "1899-12-30"
        return f'{target} = pd.to_datetime({target}, unit="D", origin="{origin}")'
    if column.date is None:
        if not column.strays:
            return ""
        line = f'{target} = pd.to_datetime({target}, format="mixed", errors="coerce")'
        return f"# {line}  # {_odd(column)}" if _is_odd(column) else line
    if not column.date.proven:
        form = column.date.format
        return f"# {target}: day and month can't be told apart ({form}?); ask before parsing"
    values = target if column.stored == "text" else f'{target}.astype("Int64").astype("string")'
    errors = ', errors="coerce"' if column.strays or column.date.unread else ""
    line = f'{target} = pd.to_datetime({values}, format="{column.date.format}"{errors})'
    return f"{line}  # {column.date.unread} can't be read so" if column.date.unread else line
