"""Lines of a recipe that turn what is kept as text or as a number into what it stands for."""

from __future__ import annotations

import textwrap

from .profile.column import Column
from .profile.eras import ERAS, FORMAT
from .profile.number_formats import CODES, SYMBOLS
from .profile.placeholders import PLACEHOLDERS

NUMBERS = ("number", "currency", "percent", "integer")
_CODES = textwrap.fill(" ".join(sorted(CODES)), 88).replace(" ", "|").replace("\n", '|"\n    r"')
AMOUNT = rf'''
UNITS = (
    r"(?<![^\W\d_])(?:{_CODES}"
    r"|zł|Kč|Ft|лв|S?Fr\.|руб\.)(?![^\W\d_])|[A-Z]{{0,2}}\$|[€£¥￥₹₽₩₪₺₴₫฿₦元円]"
)
WIDE = str.maketrans("－＋，．（）％٫٬", "-+,.()%.,")


def amount(text, decimal=".", minus="", plus=""):
    """Return the number of a text such as (1,250.00), 1'250.00- or 15 %; None where unclear.

    minus, plus: words or signs that mean so, as in minus="Cr", plus="Dr".
    """
    if not isinstance(text, str):
        return text
    text = "".join(str(unicodedata.decimal(sign, sign)) for sign in text).translate(WIDE)
    text = re.sub(UNITS, "", text, flags=re.I)
    word = re.sub(r"[\d\s.,:'’ʼ`´()%+\-−–—]", "", text)
    negative, positive = (words.casefold().split() for words in (minus, plus))
    if word and word.casefold() not in negative + positive:
        return None
    bare = re.sub(re.escape(word) + "[.:]?", "", text) if word else text
    found = re.fullmatch(r"[\s(+\-−–]*(\d[\d.,'’ʼ`´\s]*|[.,]\d+)[\s)%+\-−–]*", bare)
    if not found:
        return 0.0 if re.fullmatch(r"\s*[-−–—][-−–—.,\s]*", bare) else None
    whole, _, rest = found[1].strip().partition(decimal or "\n")
    if re.search(r"\D", rest):
        return None
    number = float(re.sub(r"\D", "", whole) + "." + rest) / (100 if "%" in bare else 1)
    if not set(bare) & set("(-−–"):
        return -number if word and word.casefold() in negative else number
    return None if word else -number
'''


ERA_DATE = rf'''
ERAS = {ERAS!r}


def era_date(text):
    """Return the day that a text such as 令和8年3月1日 or R8.3.1 stands for, None if none."""
    form = r"\s*(令和|平成|昭和|[RHS])\s*(元|\d+)\D\s*(\d+)\D\s*(\d+)日?\s*"
    found = re.fullmatch(form, str(text))
    if found is None:
        return None
    era, year, month, day = found.groups()
    return pd.Timestamp(ERAS[era] + (1 if year == "元" else int(year)), int(month), int(day))
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
    if column.currencies:
        return _of_currencies(target, column)
    odd = _is_odd(column)
    if (
        column.notation
        and (column.stored or column.strays or text)
        and (not text or not is_plain(column, decimal))
    ):
        if column.notation.ambiguous:
            return f"# {target}: {column.notation.name}; ask before reading it as numbers"
        sign, side = column.notation.decimal, column.notation.side
        option = "" if sign == "." else f", decimal={sign!r}"
        for meaning, words in (("minus", side.minus), ("plus", side.plus)):
            option += f", {meaning}={' '.join(words)!r}" if words else ""
        line = f"{target} = {target}.map(amount{option})"
        return f"# {line}  # {_odd(column)}" if odd else line
    if column.strays:
        line = f'{target} = pd.to_numeric({target}, errors="coerce")'
        return f"# {line}  # {_odd(column)}" if odd else f"{line}  # {_odd(column)}"
    return ""


def _of_currencies(target: str, column: Column) -> str:
    """Return the lines that put the currencies of amounts into a column of their own."""
    counts = ", ".join(f"{code} {count}" for code, count in column.currencies.items())
    said = f"# {target} has several currencies ({counts}): never add them up"
    if column.stored != "text" or column.notation is None:
        return f"{said}; the cells' number formats name them"
    units = f'frame[str({target[len("frame[") : -1]}) + " currency"]'
    names = {symbol: code for symbol, code in SYMBOLS.items() if code in column.currencies}
    option = "" if column.notation.decimal == "." else f", decimal={column.notation.decimal!r}"
    return (
        f"{said}\n"
        f'{units} = {target}.str.replace(r"[\\d.,\'’()+\\-−–\\s]", "", regex=True)\n'
        f"{units} = {units}.replace({names})\n"
        f"{target} = {target}.map(amount{option})"
    )


def _is_odd(column: Column) -> bool:
    """Return whether a column has values of another kind that are no placeholders."""
    return not all(str(value).strip().lower() in PLACEHOLDERS for value in column.strays)


def _odd(column: Column) -> str:
    values = ", ".join(f"{value!r:.40}" for value in list(column.strays)[:3])
    return f"{sum(column.strays.values())} cells are something else: {values}".replace("\n", " ")


def _mixed_dates(target: str, column: Column, *, from_1904: bool) -> str:
    """Return the lines that turn the texts and day numbers among dates into dates."""
    date, lines, parts = column.date, [], []
    if column.swapped or (date is not None and not date.proven):
        form = date.format if date else ""
        why = "true dates may have day and month swapped" if column.swapped else f"{form}?"
        return f"# {target}: day and month of some dates can't be told apart ({why}); ask first"
    if date is not None:
        texts = f'{target}.str.normalize("NFKC")' if date.wide else target
        lines.append(f"texts = {target}.map(type) == str")
        errors = ', errors="coerce"' if column.strays else ""
        parts.append(f'pd.to_datetime({texts}.where(texts), format="{date.format}"{errors})')
    if column.serials:
        origin = "1904-01-01" if from_1904 else "1899-12-30"
        lines.append(f"numbers = {target}.map(lambda day: isinstance(day, int | float))")
        parts.append(
            f'pd.to_datetime(pd.to_numeric({target}.where(numbers)), unit="D", origin="{origin}")'
        )
    kinds = " | ".join(kind.split(" =")[0] for kind in lines)
    lines.append(f"{target} = pd.to_datetime({target}.mask({kinds}))")
    lines[-1] += "".join(f".fillna({part})" for part in parts)
    return "\n".join(lines)


def _date(target: str, column: Column, *, from_1904: bool) -> str:
    if column.stored == "mixed":
        return _mixed_dates(target, column, from_1904=from_1904)
    if column.stored == "serial":
        origin = "1904-01-01" if from_1904 else "1899-12-30"
        return f'{target} = pd.to_datetime({target}, unit="D", origin="{origin}")'
    if column.date is not None and column.date.format == FORMAT:
        return f'{target} = {target}.map(era_date, na_action="ignore")'
    if column.date is None:
        if not column.strays:
            return ""
        line = f'{target} = pd.to_datetime({target}, format="mixed", errors="coerce")'
        return f"# {line}  # {_odd(column)}" if _is_odd(column) else line
    if not column.date.proven:
        form = column.date.format
        return f"# {target}: day and month can't be told apart ({form}?); ask before parsing"
    text = f'{target}.str.normalize("NFKC")' if column.date.wide else target
    values = text if column.stored == "text" else f'{target}.astype("Int64").astype("string")'
    errors = ', errors="coerce"' if column.strays or column.date.unread else ""
    line = f'{target} = pd.to_datetime({values}, format="{column.date.format}"{errors})'
    return f"{line}  # {column.date.unread} can't be read so" if column.date.unread else line


def is_tempting(text: str) -> bool:
    """Return whether a reader may take *text* for a number, a day or a truth value."""
    if not any(sign.isalpha() for sign in text) or text.lower() in ("true", "false"):
        return True
    try:
        float(text)  # such as the code 1E5
    except ValueError:
        return False
    return True
