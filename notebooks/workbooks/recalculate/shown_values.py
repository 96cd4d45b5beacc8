"""Computed values as a reader takes them: a date formula gives a date, not a serial number.

Source: ECMA-376 part 1, sections 18.8.10 (cellXfs), 18.8.30 (numFmt), 18.2.28 (workbookPr).
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from ..formats.number_formats import Kind, from_serial, kind_of_id
from ..keep.opc import EditablePackage, parse
from ..keep.workbook_parts import workbook_part
from .stored_values import Computed

MOST_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class ShownValues:
    """How a workbook shows numbers.

    Attributes:
        kinds: What each of its cell formats shows, by number.
        from_1904: It counts days from 1904-01-01.
    """

    kinds: tuple[Kind, ...] = ()
    from_1904: bool = False

    def shown(self, value: Computed, style: int) -> Computed:
        """Return a value in the cell format *style*: dates, times and durations as ISO texts."""
        if isinstance(value, str):
            return value[:MOST_CHARACTERS]
        if value is None or isinstance(value, bool) or style >= len(self.kinds):
            return value
        shown = from_serial(value, self.kinds[style], from_1904=self.from_1904)
        if isinstance(shown, datetime.timedelta):
            seconds = round(abs(shown.total_seconds()))
            sign = "-" if shown < datetime.timedelta() else ""
            return f"{sign}{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        if isinstance(shown, datetime.datetime):
            whole = shown.time() == datetime.time()
            return shown.date().isoformat() if whole else shown.isoformat(" ", "seconds")
        return shown.isoformat("seconds") if isinstance(shown, datetime.time) else value


def shown_values(package: EditablePackage) -> ShownValues:
    """Return how a workbook shows numbers.

    Raises:
        Unreadable: A part is broken.
    """
    main = workbook_part(package)
    settings = next(parse(package.read(main)).iter("{*}workbookPr"), None)
    from_1904 = settings is not None and settings.get("date1904") in ("1", "true")
    kinds: list[Kind] = []
    for each in package.relationships(main):
        if each.kind == "styles" and each.target in package:
            styles = parse(package.read(each.target))
            codes = {
                int(code.get("numFmtId")): code.get("formatCode", "")
                for code in styles.iter("{*}numFmt")
                if (code.get("numFmtId") or "").isdigit()
            }
            for format_ in next(styles.iter("{*}cellXfs"), ()):
                number = format_.get("numFmtId", "0")
                kinds.append(kind_of_id(int(number) if number.isdigit() else 0, codes))
    return ShownValues(tuple(kinds), from_1904)
