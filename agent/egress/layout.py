"""The lines of a printed table: which cell of one stands over a cell of another, and what it is.

Tables come as pandas prints them, as delimited text and as Markdown; which of them, the two lines
say together: a delimiter counts where both have it equally often.
"""

from __future__ import annotations

import re

SPLITTERS = (b"\t", b"|", b";", b",")
LONGEST_HEADER = 40
_QUOTED = re.compile(rb'"(?:[^"\n]|"")*"')
_APART = re.compile(r"\S+(?: \S+)*")
_NO_NAME = frozenset(
    b"nan none null <na> nat n/a na - -- ... unknown true false \\ --- :---: ---: :---".split()
)
_DAY = re.compile(rb"(?:19|20)\d\d(?:[-/]\d\d(?:[-/]\d\d(?: 00:00:00)?)?)?\Z")
_LETTER = re.compile(rb"[^\W\d_]|[\x80-\xff]")
_SERIES_END = re.compile(rb"\s*(?:Name: (.*), (?:Length: \d+, )?|Length: \d+, )?dtype: \S+\s*$")


def unquoted(line: bytes) -> bytes:
    """Return *line* with what is in double quotes, and delimiters there, as long as it was.

    Of a quote that is not closed, only the delimiters behind it are taken out.
    """
    if b'"' not in line:
        return line
    plain = _QUOTED.sub(lambda found: found[0].translate(_HIDDEN), line)
    closed = _QUOTED.sub(b"", line)
    if b'"' in closed:
        at = plain.rfind(b'"')
        plain = plain[:at] + plain[at:].translate(_HIDDEN)
    return plain


_HIDDEN = bytes(0x5F if sign in b"\t|;," else sign for sign in range(256))


def splitter_of(before: bytes, after: bytes) -> tuple[int, int] | None:
    """Return which of `SPLITTERS` parts a cell from others, and the number of its field.

    Args:
        before: Its line before it.
        after: The two bytes behind it.
    """
    plain = unquoted(before)
    after = after[1:] if after[:1] in (b'"', b"'") else after[:1]
    for number, splitter in enumerate(SPLITTERS):
        if splitter in plain or after[:1] == splitter:
            return number, plain.count(splitter)
    return None


def cell_over(above: bytes, line: bytes, start: int, end: int) -> bytes:
    """Return the cell of the line *above* that has the column of a cell of *line*.

    Args:
        above: A line.
        line: Another one, below it.
        start: Where the cell begins in it.
        end: Where it ends.

    Returns:
        The cell; empty if there is none.
    """
    plain, plain_above = unquoted(line), unquoted(above)
    for splitter in SPLITTERS:
        count = plain.count(splitter)
        if count and count == plain_above.count(splitter):
            number = plain[:start].count(splitter)
            parts = plain_above.split(splitter)
            at = sum(len(part) + 1 for part in parts[:number])
            return above[at : at + len(parts[number])].strip(b" \"'")
    return _word_over(above, line, start, end)


def _word_over(above: bytes, line: bytes, start: int, end: int) -> bytes:
    """Return the words of *above* over a place of *line*, where blanks part columns."""
    first, last = (len(line[:place].decode("utf-8", "replace")) for place in (start, end))
    best, most = "", -2
    for word in _APART.finditer(above.decode("utf-8", "replace")):
        if (shared := min(word.end(), last) - max(word.start(), first)) > most:
            best, most = word[0], shared
    return best.encode()


def is_name(cell: bytes) -> bool:
    """Whether *cell* may be the name of a column: it has letters, and is neither long nor data."""
    return (
        0 < len(cell) <= LONGEST_HEADER
        and cell.lower() not in _NO_NAME
        and _LETTER.search(cell) is not None
        and re.search(rb"\d{3}", cell) is None
    )


def cells(line: bytes) -> list[bytes]:
    """Return the cells of *line* that are not empty."""
    plain = unquoted(line)
    for splitter in SPLITTERS:
        if splitter in plain:
            parts = [part.strip(b" \"'") for part in plain.split(splitter)]
            return [part for part in parts if part]
    return [word.encode() for word in _APART.findall(line.decode("utf-8", "replace"))]


def is_header(line: bytes) -> bool:
    """Whether *line* has names only, as a header has, and no value but years and dates."""
    found = [cell for cell in cells(line) if cell not in (b"...", b"\\") and not _DAY.match(cell)]
    return bool(found) and all(map(is_name, found))


def series_end(line: bytes) -> bytes | None:
    """Return the name in the line behind a printed Series, ``Name: Card, dtype: object``.

    Returns:
        The name, empty if it has none; ``None`` if *line* is none of these.
    """
    if b"dtype: " not in line:
        return None
    found = _SERIES_END.match(line)
    return (found[1] or b"") if found is not None else None
