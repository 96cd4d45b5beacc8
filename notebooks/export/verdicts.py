"""Verdicts on a whole notebook for its front page: its hash chain, and a re-run beside it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from notebooks.export.evidence import mappings, words
from notebooks.export.front import Look, Verdict
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
    return [_chain(content), _rerun(notebook_file.with_suffix(".rerun.json"), content)]


def _chain(content: bytes) -> Verdict:
    report = verify_bytes(content)
    if report.verified:
        why = f"unchanged since it was recorded; head {report.head[:12]}…"
        return Verdict(name="Hash chain", word="verified", why=why, look="good")
    details = [
        f"cell {problem.cell}: {problem.what}" if problem.cell else problem.what
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
