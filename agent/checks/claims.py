"""What an answer claims that checks and tie-outs know better: "charts kept", "no rows dropped".

English and German are read. A clause counts as a claim only without a condition or an exception,
so that an answer that says what was lost is never stopped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_CLAUSE = re.compile(
    r"(?<=[.!?;:])\s+|\n+|,?\s+(?:but|although|though|however|aber|jedoch|obwohl)\s+"
)
_HEDGE = re.compile(
    r"\b(?:except|apart from|other than|besides|unless|if|should|cannot|\w+n't|could not|"
    r"(?:do|does|did) not|not kept|not preserved|not all|until|außer|bis auf|falls|nicht alle)\b",
    re.I,
)
_LOSS = re.compile(r"\b(?:(?:was|were|is|are|got) lost|ging\w* verloren)\b", re.I)
_NONE = re.compile(r"\b(?:no|nothing|none|keine?|nichts)\b", re.I)
_FORMULA_CODES = frozenset(
    """formula-errors formulas-without-values formula-broken-reference formula-missing-sheet
    formula-needs-prefix formula-in-another-language formula-separator""".split()
)
_LOSSES = frozenset({"parts-lost", "left-behind", "changed-besides"})
_SUMS = frozenset({"sum-changed", "rows-multiplied", "rows-lost", "total-rows-included"})
_BROKEN = frozenset({"file-unreadable", "parts-broken", "wrong-ending", "file-empty"})
_KEPT = (
    r"(?:kept|preserved|intact|retained|untouched|unchanged|still there|carried over|survived?|"
    r"not (?:changed|touched|affected|lost)|as (?:they|it) (?:were|was)|"
    r"erhalten|unverändert|beibehalten|übernommen)"
)
_COVERS = (
    r"(?:updat(?:ed|es?)|refresh(?:ed|es)|recalculat(?:ed|es)|includ(?:ed?|es|ing)|covers?|shows? (?:the |all )?new|"
    r"now (?:shows?|has|covers?|contains?)|reflects?|up to date|extended|picks? up|"
    r"aktualisiert|enthält|umfasst|zeigt (?:jetzt|nun))"
)
_NOT_LATER = r"\A(?!.*\b(?:once|when|after|opens?|opened|opening|please|will|refresh it|sobald|wenn|beim|nach)\b).*"
_OBJECTS = {
    "chart": r"charts?|diagramme?|graphs?",
    "macro": r"macros?|vba|makros?",
    "pivot": r"pivots?(?: tables?)?|pivot-?tabellen?",
    "sparkline": r"sparklines?",
    "comment": r"comments?|notes|kommentare?",
    "conditional format": r"conditional format\w*|bedingte\w* formatierung\w*",
    "validation": r"(?:data )?validations?|drop-?downs?",
    "picture": r"pictures?|images?|logos?|bilde?r?",
    "slicer": r"slicers?",
    "shape": r"shapes?|text boxes|drawings?",
    "form control": r"form controls?|buttons?",
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of what a turn's cells wrote, newest for each file.

    Attributes:
        findings: File → findings of its check (``code``, ``message``).
        lost: What saving printed as lost, in its words.
        results: Tie-outs (see `notebooks.workbooks.tie_out.judge.Result`).
        computed: File → what was computed in it.
        files: Names of all files that are there.
    """

    findings: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    lost: Sequence[str] = ()
    results: Sequence[Mapping[str, Any]] = ()
    computed: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    files: Sequence[str] | None = None

    def messages(self, codes: frozenset[str]) -> list[str]:
        """Return the messages of all findings with one of *codes*, with their file."""
        found = [(name, each) for name, all_of in self.findings.items() for each in all_of]
        found += [("", each) for result in self.results for each in result.get("findings", ())]
        return [
            f"{n}: {e['message']}" if n else e["message"] for n, e in found if e["code"] in codes
        ]


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A claim and the fact that says otherwise."""

    claim: str
    fact: str


def contradictions(answer: str, facts: Facts) -> list[Contradiction]:
    """Return what *answer* claims against *facts*, each claim with its first fact."""
    found = []
    plain = re.sub(r"```.*?(?:```|\Z)", " ", answer, flags=re.S)
    for clause in _CLAUSE.split(plain):
        words = clause.strip(" *-#>|")
        if not words or len(words) > 600 or _HEDGE.search(words):
            continue
        if _LOSS.search(words) and not _NONE.search(words):
            continue  # it says what was lost
        for pattern, against in _CLAIMS:
            if pattern.search(words) and (fact := next(against(facts, plain, words), None)):
                found.append(Contradiction(words[:300], fact))
                break
    return found + _missing_files(plain, facts)


def _claim(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{each})" for each in patterns), re.I)


def _objects(facts: Facts, answer: str, words: str) -> Iterator[str]:
    """Yield what was lost of the objects that *words* name."""
    del answer
    losses = [*facts.messages(frozenset({"parts-lost"})), *facts.lost]
    for noun, pattern in _OBJECTS.items():
        if re.search(rf"\b(?:{pattern})\b", words, re.I):
            yield from (loss for loss in losses if re.search(rf"\b{noun}", loss, re.I))


def _everything(facts: Facts, answer: str, words: str) -> Iterator[str]:
    del answer, words
    yield from facts.messages(_LOSSES)
    yield from facts.lost


def _dropped(facts: Facts, answer: str, words: str) -> Iterator[str]:
    del words
    yield from facts.messages(frozenset({"rows-lost", "rows-unmatched", "rows-not-read"}))
    for result in facts.results:
        counted = sum(each.get("rows") or 0 for each in result.get("left_out", ()))
        totals = sum(each.get("total_rows") or 0 for each in result.get("read", ()))
        # An answer that says how many were left out says by what, elsewhere.
        if counted > totals and f"{counted:,}" not in answer and str(counted) not in answer:
            yield str(result.get("line", ""))


def _formulas(facts: Facts, answer: str, words: str) -> Iterator[str]:
    del answer, words
    for name, each in facts.computed.items():
        if errors := each.get("errors"):
            shown = "; ".join(
                f"{error} in {', '.join(e['cells'][:5])}" for error, e in errors.items()
            )
            yield f"{name}: formulas give errors: {shown}"
        elif each.get("problem"):
            yield f"{name}: formulas were not computed: {each['problem']}"
        elif each.get("without_value"):
            yield f"{name}: formulas have no value: {'; '.join(each['without_value'])}"
    yield from facts.messages(_FORMULA_CODES)


def _of(codes: frozenset[str]) -> Callable[[Facts, str, str], Iterator[str]]:
    def messages(facts: Facts, answer: str, words: str) -> Iterator[str]:
        del answer, words
        yield from facts.messages(codes)

    return messages


def _any_finding(facts: Facts, answer: str, words: str) -> Iterator[str]:
    del answer, words
    codes = {e["code"] for found in facts.findings.values() for e in found}
    codes |= {e["code"] for result in facts.results for e in result.get("findings", ())}
    yield from facts.messages(frozenset(codes))


_ALL_OBJECTS = "|".join(_OBJECTS.values())
_ROWS = r"(?:rows?|records?|lines?|entries|zeilen?|datensätze?)"
_GONE = r"(?:dropped|lost|left out|removed|excluded|missing|discarded|skipped|verloren|entfernt|ausgelassen)"
_CLAIMS: tuple[tuple[re.Pattern[str], Callable[[Facts, str, str], Iterator[str]]], ...] = (
    (
        _claim(
            rf"\b(?:{_ALL_OBJECTS})\b[^.]*\b{_KEPT}",
            rf"\b(?:kept|preserved|retained|preserving|keeping)\b[^.]*\b(?:{_ALL_OBJECTS})\b",
            rf"\bno (?:{_ALL_OBJECTS})\b[^.]*\b{_GONE}\b",
        ),
        _objects,
    ),
    (
        _claim(
            rf"\b(?:everything|all) else\b[^.]*\b{_KEPT}", r"\bnothing (?:else )?(?:was|is|has been|got)? ?(?:changed|lost|touched)",
            rf"\b(?:the )?rest (?:of the (?:workbook|file|sheet) )?\b[^.]*\b{_KEPT}",
            rf"\bevery(?:thing| other cell)\b[^.]*\b{_KEPT}", rf"\ball (?:the )?other [^.]*\b{_KEPT}",
            r"\bwithout (?:any )?loss\b|\bno(?:thing)? (?:was )?lost\b", r"\bnichts (?:ging )?verloren",
            rf"\ball(?:es)? (?:objects|features|parts|übrige|andere)\b[^.]*\b{_KEPT}",
        ),
        _everything,
    ),
    (
        _claim(
            rf"\bno {_ROWS} (?:was|were|are|is|have been|got|wurden?)? ?{_GONE}", rf"\bnone of the {_ROWS}[^.]*{_GONE}",
            rf"\bwithout (?:dropping|losing|removing|leaving out) (?:any |a single )?{_ROWS}",
            rf"\b(?:all|every)(?: of the)? (?:[\d.,]+ )?{_ROWS} (?:(?:was|were|are|is|have been) )?(?:kept|included|there|in the result|retained|present)\b(?! (?:with|where|that|for which|whose))",
            rf"\bkeine {_ROWS}[^.]*{_GONE}", rf"\balle {_ROWS}[^.]*(?:enthalten|übernommen|erhalten)",
        ),
        _dropped,
    ),
    (
        _claim(
            r"\ball (?:the |of the )?(?:[\d.,]+ )?formulas? (?:\w+ ){0,3}(?:calculated|computed|work|evaluate|correct|up to date|recalculated|have (?:their )?values)",
            r"\bformulas? (?:\w+ ){0,2}(?:all )?(?:calculate|compute|evaluate|work)s?\b[^.]*\b(?:correctly|fine|without errors?)",
            r"\b(?:no|without(?: any)?) (?:formula )?errors?\b", r"\berror-free\b",
            r"\balle formeln[^.]*(?:berechnet|korrekt)", r"\b(?:keine|ohne) (?:formel)?fehler\b",
            r"\bno #(?:REF|NAME|VALUE|DIV/0|N/A)",
        ),
        _formulas,
    ),
    (
        _claim(
            r"\b(?:totals?|sums?|amounts?|balances?|figures)\b[^.]*\b(?:ties?(?: out)?|match(?:es)?|agrees?|reconciles?|unchanged|identical)\b",
            r"\b(?:ties?|tied) out\b", r"\b(?:everything|it all|all) reconciles\b",
            r"\bsummen?\b[^.]*\b(?:stimm\w* überein|überein|unverändert)",
        ),
        _of(_SUMS),
    ),
    (
        _claim(
            rf"\bno {_ROWS} (?:was|were|are|have been)? ?(?:duplicated|repeated|counted twice)",
            r"\bno duplicates?\b (?:were|was|are)?",
        ),
        _of(frozenset({"rows-multiplied"})),
    ),
    (
        _claim(
            r"\bno (?:missing values|blanks|empty cells|nan)\b[^.]*\b(?:appeared|introduced|created|added)",
            r"\bwithout (?:introducing|creating) (?:any )?(?:missing values|blanks|nan)",
        ),
        _of(frozenset({"blanks-appeared"})),
    ),
    (
        _claim(rf"{_NOT_LATER}\b(?:{_OBJECTS['pivot']})\b[^.]*\b{_COVERS}", rf"{_NOT_LATER}\b{_COVERS}[^.]*\b(?:{_OBJECTS['pivot']})\b"),
        _of(frozenset({"pivot-behind"})),
    ),
    (
        _claim(rf"{_NOT_LATER}\b(?:{_OBJECTS['chart']})\b[^.]*\b{_COVERS}", rf"{_NOT_LATER}\b{_COVERS}[^.]*\b(?:{_OBJECTS['chart']})\b"),
        _of(frozenset({"chart-behind"})),
    ),
    (
        _claim(r"\bopens? (?:\w+ )*without (?:any )?(?:problems?|warnings?|repairs?)", r"\bfile is (?:valid|fine|sound)\b"),
        _of(_BROKEN | frozenset({"table-header-differs", "table-header-repeated", "table-header-not-text", "table-filter"})),
    ),
    (
        _claim(
            r"\b(?:all|every) checks? (?:passed|pass|is fine|are fine|came back clean)\b",
            r"\bchecks? found (?:nothing|no (?:problems?|issues?|errors?))\b", r"\bpassed all (?:the )?checks\b",
        ),
        _any_finding,
    ),
)  # fmt: skip
_OUTPUT = re.compile(r"\boutputs/[^\s`'\"*()\[\]<>|,;]+\.[A-Za-z0-9]{2,8}\b")
_WRITES = re.compile(
    r"\b(?:saved?|wrote|written|created|stored|exported|is in|are in|find)\b", re.I
)


def _missing_files(answer: str, facts: Facts) -> list[Contradiction]:
    """Return the results that *answer* says are there and are not."""
    if facts.files is None:
        return []
    found = []
    for clause in _CLAUSE.split(answer):
        if (
            not _WRITES.search(clause)
            or _HEDGE.search(clause)
            or re.search(r"\b(?:no|not|n't)\b", clause)
        ):
            continue
        for name in _OUTPUT.findall(clause):
            if name not in facts.files:
                fact = f"There is no file {name}."
                found.append(Contradiction(clause.strip(" *-#>|")[:300], fact))
    return found
