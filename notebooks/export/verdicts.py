"""Verdicts on a whole notebook for its front page: its hash chain, and a re-run beside it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from notebooks.export.evidence import mappings, moment, words
from notebooks.export.front import Look, Verdict
from notebooks.ledger.report import Review, Signature, VerifyReport
from notebooks.ledger.review import SIGN_OFF
from notebooks.ledger.verify import verify_bytes
from notebooks.record.chain import mapping

MOST_REPORT_BYTES = 16 * 1024 * 1024
MOST_DETAILS = 12


def verdicts_on(notebook_file: Path, content: bytes) -> list[Verdict]:
    """Return the verdicts on a notebook.

    Args:
        notebook_file: The file; the report of a re-run may lie beside it.
        content: Its bytes.
    """
    report = verify_bytes(content)
    signed = [_signature(report.signature), *_reviews(report.reviews)]
    rerun = _rerun(notebook_file.with_suffix(".rerun.json"), content)
    return [_chain(report), *signed, rerun]


def _chain(report: VerifyReport) -> Verdict:
    if report.verified:
        saved = "; saved anew by another program" if report.notes else ""
        why = f"content unchanged since it was recorded{saved}; head {report.head[:12]}…"
        return Verdict(name="Hash chain", word="verified", why=why, look="good")
    details = [
        (f"cell {problem.cell}: " if problem.cell else "")
        + problem.what
        + (f" ({words(problem.field, 200)})" if problem.field else "")
        for problem in report.problems
    ]
    why = f"{len(details)} difference{'s' if len(details) > 1 else ''} from the record"
    return Verdict(
        name="Hash chain",
        word="NOT verified",
        why=why,
        look="bad",
        details=[*details[:MOST_DETAILS], *(["…"] if len(details) > MOST_DETAILS else [])],
    )


def _signature(signature: Signature) -> Verdict:
    if signature.key_id is None:
        why = "anyone with the file could have computed its hashes again"
        return Verdict(name="Signature", word="none", why=why)
    if not signature.valid:
        why = f"for the key {words(signature.key_id, 80)}"
        details = [f"the signature is not that of the key it names {why}"]
        return Verdict(name="Signature", word="NOT valid", why=why, look="bad", details=details)
    # Not green: anyone can sign anew with a key of their own, and the key comes with the file.
    why = f"by the key {words(signature.key_id, 80)}; compare it with the service's"
    return Verdict(name="Signature", word="signed", why=why)


def _reviews(reviews: Sequence[Review]) -> list[Verdict]:
    if not reviews:
        return []
    signed = [each for each in reviews if each.kind == SIGN_OFF]
    last = (signed or reviews)[-1]
    word = "signed off" if signed else "noted"
    more = f"; {len(reviews)} entries" if len(reviews) > 1 else ""
    why = f"{words(last.name, 100)}, {moment(last.at)}{more}"
    return [Verdict(name="Review", word=word, why=why)]


def _rerun(report_file: Path, content: bytes) -> Verdict:
    try:
        if report_file.stat().st_size > MOST_REPORT_BYTES:
            return Verdict(name="Re-run", word="unreadable", why="its report is too large")
        report = mapping(json.loads(report_file.read_bytes()))
    except FileNotFoundError:
        return Verdict(name="Re-run", word="not run", why="no report lies beside the notebook")
    except (OSError, ValueError, RecursionError):
        return Verdict(name="Re-run", word="unreadable", why="its report can't be read")
    of = report.get("of_sha256")
    if of != hashlib.sha256(content).hexdigest():
        why = "the report beside the notebook is not of this very file; run it again"
        return Verdict(name="Re-run", word="not of this file", why=why, look="amber")
    verdict = words(report.get("verdict"), 40)
    items = mappings(report.get("cells")) + mappings(report.get("files"))
    same = sum(each.get("verdict") == "reproduced" for each in items)
    details = [
        f"{_label(each)}: {words(each.get('verdict'), 40)} {words(each.get('detail'), 300)}"
        for each in items
        if each.get("verdict") != "reproduced"
    ]
    looks: dict[str, Look] = {"reproduced": "good", "incomplete": "amber"}
    changed = ", with other inputs or parameters" if report.get("changed") is True else ""
    why = f"{same} of {len(items)} cells and files the same{changed}"
    look = looks.get(verdict, "bad")
    return Verdict(name="Re-run", word=verdict, why=why, look=look, details=details[:MOST_DETAILS])


def _label(each: object) -> str:
    facts = mapping(each)
    return f"cell {words(facts['cell'], 20)}" if "cell" in facts else words(facts.get("name"), 300)
