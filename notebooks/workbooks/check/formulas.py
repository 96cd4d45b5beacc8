"""Formulas that Excel repairs, shows as #NAME?, or has not computed yet.

Sources: ECMA-376 part 1, section 18.17 (formulas); [MS-XLSX] 2.2.2.1 and 2.3.3 (future functions).
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field

from ..formats.scanning import holds
from ..structure.shift import sheets_named
from .finding import Finding, quoted, some

_CELL_START = re.compile(rb"<c\s([^>]*)>")
_NAME = re.compile(rb'\br="([A-Z]+\d+)"')
_FORMULA = re.compile(rb"<f\b([^>]*?)(?:/>|>(.*?)</f>)", re.DOTALL)
_VALUE = re.compile(rb"<v>(.*?)</v>", re.DOTALL)
_TEXT = re.compile(r'"(?:[^"]|"")*"')
_QUOTED_SHEET = re.compile(r"'(?:[^']|'')*'")
_BRACKETS = re.compile(r"\[[^\[\]]*\]")
_PLAIN_NAME = re.compile(r"\w{1,31}")
_ERRORS = re.compile(r"#[A-Z0-9/_]{1,20}[!?]?")
_CALL = re.compile(r"([A-Za-z_][\w.]*)\s*\(")
_OUTSIDE = re.compile(r"\b(WEBSERVICE|RTD|CALL|REGISTER|EXEC)\s*\(|\|'?.*'?!", re.IGNORECASE)
_WORKSHEET_FUNCTIONS = frozenset({"FILTER", "SORT"})
"""Those that also need ``_xlws.``."""
NEW = frozenset(
    "ACOT ACOTH AGGREGATE ARABIC ARRAYTOTEXT BASE BETA.DIST BETA.INV BINOM.DIST BINOM.DIST.RANGE "
    "BINOM.INV BITAND BITLSHIFT BITOR BITRSHIFT BITXOR BYCOL BYROW CEILING.MATH CEILING.PRECISE "
    "CHISQ.DIST CHISQ.DIST.RT CHISQ.INV CHISQ.INV.RT CHISQ.TEST CHOOSECOLS CHOOSEROWS COMBINA "
    "CONCAT CONFIDENCE.NORM CONFIDENCE.T COT COTH COVARIANCE.P COVARIANCE.S CSC CSCH DAYS DECIMAL "
    "DROP ENCODEURL ERF.PRECISE ERFC.PRECISE EXPAND EXPON.DIST F.DIST F.DIST.RT F.INV F.INV.RT "
    "F.TEST FILTER FILTERXML FLOOR.MATH FLOOR.PRECISE FORECAST.ETS FORECAST.LINEAR FORMULATEXT "
    "GAMMA GAMMA.DIST GAMMA.INV GAMMALN.PRECISE GAUSS GROUPBY HSTACK HYPGEOM.DIST IFNA IFS IMAGE "
    "ISFORMULA ISOMITTED ISOWEEKNUM LAMBDA LET LOGNORM.DIST LOGNORM.INV MAKEARRAY MAP MAXIFS "
    "MINIFS MODE.MULT MODE.SNGL MUNIT NEGBINOM.DIST NORM.DIST NORM.INV NORM.S.DIST NORM.S.INV "
    "NUMBERVALUE PDURATION PERCENTILE.EXC PERCENTILE.INC PERCENTOF PERCENTRANK.EXC "
    "PERCENTRANK.INC PERMUTATIONA PHI PIVOTBY POISSON.DIST QUARTILE.EXC QUARTILE.INC RANDARRAY "
    "RANK.AVG RANK.EQ REDUCE REGEXEXTRACT REGEXREPLACE REGEXTEST RRI SCAN SEC SECH SEQUENCE SHEET "
    "SHEETS SINGLE SKEW.P SORT SORTBY STDEV.P STDEV.S SWITCH T.DIST T.DIST.2T T.DIST.RT T.INV "
    "T.INV.2T T.TEST TAKE TEXTAFTER TEXTBEFORE TEXTJOIN TEXTSPLIT TOCOL TOROW TRIMRANGE UNICHAR "
    "UNICODE UNIQUE VALUETOTEXT VAR.P VAR.S VSTACK WEBSERVICE WEIBULL.DIST WRAPCOLS WRAPROWS "
    "XLOOKUP XMATCH XOR Z.TEST".split()
)
"""Functions newer than 2007: a file names them with a prefix, Excel shows them without."""
SPILLING = frozenset(
    "FILTER SORT SORTBY UNIQUE SEQUENCE RANDARRAY TEXTSPLIT VSTACK HSTACK TAKE DROP CHOOSECOLS "
    "CHOOSEROWS TOCOL TOROW WRAPROWS WRAPCOLS EXPAND BYROW BYCOL MAP SCAN MAKEARRAY".split()
)
LOCAL = frozenset(
    "SUMME WENN SVERWEIS WVERWEIS MITTELWERT ANZAHL ZÄHLENWENN SUMMEWENN RUNDEN UND ODER "
    "SOMME SI RECHERCHEV MOYENNE NB ARRONDI ET OU SUMA BUSCARV PROMEDIO CONTAR SOMA SE PROCV "
    "SOMMA CERCA.VERT MEDIA SE.ERRORE WENNFEHLER SIERREUR".split()
)
"""Names that Excel shows in other languages; a file holds English ones only."""


@dataclass(slots=True)
class Formulas:
    """The formula cells of a workbook, by fault: places as ``Sheet!A1``.

    Attributes:
        sheets: The workbook's sheets, in lower case.
        missing: They refer to a sheet that is not there, by its name.
        count: How many cells hold a formula.
        without_value: No value is stored, or a zero that the writer put there.
        errors: The stored value is an error, by error.
    """

    sheets: frozenset[str] = frozenset()
    count: int = 0
    without_value: list[str] = field(default_factory=list)
    zero: list[str] = field(default_factory=list)
    errors: dict[str, list[str]] = field(default_factory=dict)
    unprefixed: dict[str, list[str]] = field(default_factory=dict)
    spilling: list[str] = field(default_factory=list)
    local: dict[str, list[str]] = field(default_factory=dict)
    separators: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    missing: dict[str, list[str]] = field(default_factory=dict)
    outside: list[str] = field(default_factory=list)

    def take_sheet(self, sheet: str, cells: bytes) -> None:
        """Look at every formula of a sheet, given its sheetData."""
        prefix = sheet if _PLAIN_NAME.fullmatch(sheet) else quoted([sheet[:31]])
        if not holds(cells, b"<f", 1):
            return
        for found in _FORMULA.finditer(cells):
            cell = _cell_around(cells, found.start(), found.end())
            if cell is None:
                continue
            attributes, content = cell
            name = _NAME.search(attributes)
            place = f"{prefix}!{name[1].decode() if name else '?'}"
            self.count += 1
            self._take_value(place, attributes, content)
            if found[2]:
                text = html.unescape(found[2].decode("utf-8", "replace"))
                self._take_text(place, text, array=b"array" in found[1])

    def _take_value(self, place: str, attributes: bytes, content: bytes) -> None:
        value = _VALUE.search(content)
        if value is None or not value[1]:
            if b'"str"' not in attributes:  # an empty text is a value
                self.without_value.append(place)
        elif b't="e"' in attributes:
            error = value[1].decode("utf-8", "replace")
            known = error if _ERRORS.fullmatch(error) else "an error"
            self.errors.setdefault(known, []).append(place)
        elif value[1] == b"0":
            self.zero.append(place)

    def _take_text(self, place: str, text: str, *, array: bool) -> None:
        bare = _QUOTED_SHEET.sub("S", _TEXT.sub('""', text))
        while (inner := _BRACKETS.sub("", bare)) != bare:
            bare = inner  # names of columns in references to tables
        names = {name.upper() for name in _CALL.findall(bare)}
        plain = {name for name in names if not name.startswith(("_XLFN.", "_XLWS."))}
        for name in plain & NEW:
            self.unprefixed.setdefault(name, []).append(place)
        for name in plain & LOCAL:
            self.local.setdefault(name, []).append(place)
        if (
            not array
            and {n.rpartition("_XLWS.")[2].removeprefix("_XLFN.") for n in names} & SPILLING
        ):
            self.spilling.append(place)
        if ";" in re.sub(r"\{[^}]*\}", "", bare):
            self.separators.append(place)
        for name in sheets_named(text):
            if name.casefold() not in self.sheets:
                self.missing.setdefault(name, []).append(place)
        if "#REF!" in bare:
            self.broken.append(place)
        if _OUTSIDE.search(bare):
            self.outside.append(place)

    def findings(self, *, zeros_are_unknown: bool) -> list[Finding]:
        """Return what is wrong.

        Args:
            zeros_are_unknown: The writer stores 0 for every formula (xlsxwriter does).
        """
        unknown = self.without_value
        if zeros_are_unknown and len(self.zero) + len(unknown) == self.count:
            unknown = [*unknown, *self.zero]
        errors = sum(len(places) for places in self.errors.values())
        found = [
            Finding(
                "formulas-without-values",
                f"{len(unknown):,} of {self.count:,} formulas have no computed value until Excel "
                f"opens the file: {some(unknown)}. Other programs and pandas read them as empty "
                "or 0.",
                "Say so in the answer, or write values beside the formulas.",
                len(unknown),
            ),
            Finding(
                "formula-errors",
                f"{errors:,} formulas show an error: "
                + "; ".join(f"{error} in {some(places)}" for error, places in self.errors.items()),
                "Mend the formulas, or name the errors in the answer.",
                errors,
            ),
            *_by_name(
                "formula-needs-prefix", self.unprefixed,
                "Excel shows #NAME? for {name} in {places}: the file must name it {prefixed}.",
                "Write the function with its prefix (xlsxwriter: use_future_functions=True).",
            ),
            *_by_name(
                "formula-in-another-language", self.local,
                "{name} in {places} is a function's name in another language: Excel shows #NAME?.",
                "Write the English name; Excel shows it in the user's language.",
            ),
            _places(
                "formula-spills", self.spilling,
                "Formulas that give several values are no array formulas: Excel puts @ before them",
                "Use write_dynamic_array_formula (xlsxwriter) or ArrayFormula (openpyxl).",
            ),
            _places(
                "formula-separator", self.separators,
                "Arguments are separated by ';': Excel repairs the file and drops the formula",
                "Separate arguments by ','.",
            ),
            *(
                Finding(
                    "formula-missing-sheet",
                    f"Formulas refer to sheet {quoted([name])}, which is not there: {some(at)}. "
                    "Excel asks for another workbook, or shows #REF!.",
                    "Name the sheet as it is called now, or keep it.",
                    len(at),
                )
                for name, at in sorted(self.missing.items())[:5]
            ),
            _places(
                "formula-broken-reference", self.broken, "Formulas refer to cells that are gone",
                "Mend the references: #REF! stays.",
            ),
            _places(
                "formula-reaches-outside", self.outside,
                "Formulas call a program or an address outside the workbook",
                "Remove them unless the user asked for them.",
            ),
        ]  # fmt: skip
        return [each for each in found if each.count]


def _cell_around(cells: bytes, start: int, end: int) -> tuple[bytes, bytes] | None:
    """Return attributes and content of the cell whose formula stands from *start* to *end*."""
    at = start
    while (at := cells.rfind(b"<c", 0, at)) >= 0:
        if opening := _CELL_START.match(cells, at, start):
            return opening[1], cells[opening.end() : max(end, cells.find(b"</c>", end))]
    return None


def _by_name(code: str, places: dict[str, list[str]], message: str, hint: str) -> list[Finding]:
    found = []
    for name, where in sorted(places.items()):
        prefixed = f"_xlfn._xlws.{name}" if name in _WORKSHEET_FUNCTIONS else f"_xlfn.{name}"
        text = message.format(name=name, places=some(where), prefixed=prefixed)
        found.append(Finding(code, text, hint, len(where)))
    return found


def _places(code: str, places: list[str], message: str, hint: str) -> Finding:
    return Finding(code, f"{message}: {some(places)}.", hint, len(places))
