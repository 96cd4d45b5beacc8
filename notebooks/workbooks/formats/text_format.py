"""How a table is written as text: encoding, delimiter, quotes, decimal and thousands signs."""

from __future__ import annotations

import csv
import itertools
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..values import Unreadable
from .encodings import encoding_of

SAMPLE_CHARACTERS = 300_000
SAMPLE_RECORDS = 400
DELIMITERS = ("\t", ";", "|", ",", "\x1f")
MAX_FIELD = 2**31 - 1
_SEP_LINE = re.compile(r'\ufeff?"?sep=(.)"?\r?\n', re.IGNORECASE)
_SPACES = " \u00a0\u202f\u2009"
_AROUND = re.compile(
    r"^[\s(+\-\u2212]*(?:[A-Z]{3}|[$€£¥₹])?[\s+\-\u2212]*|\s*(?:[A-Z]{3}|[$€£¥₹%])?[\s)+\-\u2212]*$"
)


@dataclass(frozen=True, slots=True)
class TextFormat:
    """How a table is written as text.

    Attributes:
        encoding: Python's codec name.
        delimiter: Between two fields.
        quotechar: Around a field that holds delimiters or line breaks.
        decimal: The decimal sign of the numbers, ``"."`` if none shows another.
        thousands: The sign between groups of digits; ``None`` if no number has one.
        skip_rows: Lines before the table that are none of it, such as ``sep=;``.
        bom: The file starts with a byte order mark.
    """

    encoding: str
    delimiter: str
    quotechar: str = '"'
    decimal: str = "."
    thousands: str | None = None
    skip_rows: int = 0
    bom: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether it is what readers expect unless told otherwise: commas, in UTF-8."""
        return self == TextFormat(self.encoding, ",", bom=self.bom) and self.encoding in (
            "utf-8", "utf-8-sig",
        )  # fmt: skip


def text_format_of(path: Path) -> TextFormat:
    """Return how the text in the file at *path* is written.

    Raises:
        Unreadable: The file is empty, or no text.
    """
    with path.open("rb") as file:
        encoding, bom = encoding_of(file)
    with path.open(encoding=encoding, errors="replace", newline="") as lines:
        sample = lines.read(SAMPLE_CHARACTERS)
        if len(sample) == SAMPLE_CHARACTERS:
            sample = sample[: max(sample.rfind("\n"), sample.rfind("\r")) + 1] or sample
    if not sample.strip("\ufeff\r\n\t ;,"):
        raise Unreadable("empty", "The file is empty.", "Ask for it to be exported again.")
    odd = sum(c < " " and c not in "\t\r\n\f\x1a\x1f" for c in sample)
    if odd > 0.002 * len(sample) + 1:
        raise Unreadable(
            "no-table", "The file is neither a workbook nor text.",
            "Open it in the program that made it, and save it as .xlsx or CSV.",
        )  # fmt: skip
    said = _SEP_LINE.match(sample)
    text = sample[said.end() :] if said else sample.lstrip("\ufeff")
    quote = _quote_of(text)
    delimiter = said[1] if said else _delimiter_of(text, quote)
    fields = (field for record in _records(text, delimiter, quote) for field in record)
    decimal, thousands = number_signs(fields, delimiter)
    return TextFormat(encoding, delimiter, quote, decimal, thousands, 1 if said else 0, bom)


def _quote_of(text: str) -> str:
    around = "|".join(map(re.escape, DELIMITERS))
    single = len(re.findall(rf"(?:^|{around})'[^'\n]*'(?=\r?$|{around})", text[:20_000], re.M))
    double = text[:20_000].count('"')
    return "'" if single > 4 and not double else '"'


def _records(text: str, delimiter: str, quote: str) -> list[list[str]]:
    csv.field_size_limit(MAX_FIELD)
    lines = text.splitlines(keepends=True)
    reader = csv.reader(lines, delimiter=delimiter, quotechar=quote)
    return list(itertools.islice(reader, SAMPLE_RECORDS))


def _delimiter_of(text: str, quote: str) -> str:
    """Return the delimiter that cuts most records into the same number of fields."""
    best, best_score = ",", 0.0
    for delimiter in DELIMITERS:
        if delimiter not in text:
            continue
        widths = Counter(len(r) for r in _records(text, delimiter, quote) if r and any(r))
        width, number = max(
            ((w, n) for w, n in widths.items() if w > 1), key=lambda pair: pair[1], default=(1, 0)
        )
        score = number / max(1, sum(widths.values()))
        if delimiter == "," and width > 1 and _commas_are_decimal(text, quote):
            score *= 0.3
        if score > best_score + 1e-9:
            best, best_score = delimiter, score
    return best


def _commas_are_decimal(text: str, quote: str) -> bool:
    """Whether every comma outside quotes stands between two digits, and another sign divides."""
    bare = re.sub(rf"{quote}[^{quote}]*{quote}", "", text[:50_000])
    commas = bare.count(",")
    return (
        commas > 0
        and len(re.findall(r"\d,\d", bare)) == commas
        and any(sign in bare for sign in ";\t|")
    )


def number_signs(fields: Iterable[str], delimiter: str = "") -> tuple[str, str | None]:
    """Return the decimal and the thousands sign of the numbers among *fields*.

    A sign is taken only if a number proves it: ``1.250`` alone may be either. Without proof
    the decimal sign is ``"."``.

    Args:
        fields: Texts of cells.
        delimiter: The delimiter of the file; unquoted it is no decimal sign.
    """
    votes: Counter[tuple[str, str | None]] = Counter()
    for field in fields:
        if vote := _vote(field):
            votes[vote] += 1
    decimals: Counter[str] = Counter()
    thousands: Counter[str] = Counter()
    for (decimal, group), number in votes.items():
        decimals[decimal] += number
        if group:
            thousands[group] += number
    decimal = max((decimals[sign], sign == ".", sign) for sign in (".", ","))[2]
    group = next((sign for sign, _ in thousands.most_common() if sign != decimal), None)
    return decimal, group


def _vote(field: str) -> tuple[str, str | None] | None:
    """Return the signs that one number proves; ``None`` if it is no number, or proves none."""
    if len(field) > 40 or not any(c.isdigit() for c in field):
        return None
    bare = _AROUND.sub("", field)
    if found := re.fullmatch(r"(\d{1,3})((?:[.,'\u2019\s]\d{3})*)([.,])(\d+)", bare):
        _, groups, decimal, fraction = found.groups()
        signs = set(re.findall(r"\D", groups))
        if len(signs) > 1:
            return None
        if not signs:
            return None if len(fraction) == 3 else (decimal, None)
        (sign,) = signs
        if sign == decimal:  # 1.234.567: only groups
            return (("," if sign == "." else "."), sign) if len(fraction) == 3 else None
        return decimal, sign
    if found := re.fullmatch(r"\d+([.,])(\d+)", bare):
        return found[1], None
    if found := re.fullmatch(r"\d{1,3}(?:(['\u2019\s])\d{3})+", bare):
        return None
    # Lakh and crore: 12,34,567.00
    if re.fullmatch(r"\d{1,2}(?:,\d{2})+,\d{3}(?:\.\d+)?", bare):
        return ".", ","
    return None


def amount_pattern(decimal: str, thousands: str | None) -> re.Pattern[str]:
    """Return a pattern of a number written with these signs, its groups in the right places."""
    point = re.escape(decimal)
    if thousands is None:
        return re.compile(rf"[+-]?\d+(?:{point}\d+)?")
    group = f"[{re.escape(thousands)}]" if thousands not in _SPACES else f"[{_SPACES}]"
    return re.compile(rf"[+-]?(?:\d{{1,3}}(?:{group}\d{{3}})+|\d+)(?:{point}\d+)?")


def rows_of(path: Path, written: TextFormat) -> Iterable[Sequence[str]]:
    """Yield the records of a text table, as the file has them.

    Args:
        path: The file.
        written: How it is written.
    """
    csv.field_size_limit(MAX_FIELD)
    with path.open(encoding=written.encoding, errors="replace", newline="") as lines:
        for _ in range(written.skip_rows):
            lines.readline()
        yield from csv.reader(lines, delimiter=written.delimiter, quotechar=written.quotechar)
