"""The report on a notebook that was run on many sets of files: JSON and one HTML page."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:64rem;padding:0 1rem;
color:#222}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.4rem .6rem;
border-bottom:1px solid #ddd;vertical-align:top}
.failed,.not-run{color:#b00020}.differs{color:#8a5a00}
code{font-size:.9em;overflow-wrap:anywhere}@media print{body{margin:0}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetResult:
    """How the notebook ran on one set of files.

    Attributes:
        name: Of the set's directory.
        verdict: Of its re-run; ``failed`` if it could not begin; ``ran`` if all went well and its
            files or parameters are not the recorded ones, which are no measure for it then.
        reason: Why it did not begin, or the first cell or file that is not as it should be.
        inputs: Input name → ``file`` (the given file's name) and ``sha256``.
        produced: Names of the files it produced, below ``outputs/``.
        seconds: How long it took.
        fine: Nothing failed, was missing or not run.
        skipped: It was done by an earlier run.
    """

    name: str
    verdict: str
    reason: str = ""
    inputs: Mapping[str, Mapping[str, str]]
    produced: Sequence[str] = ()
    seconds: float = 0.0
    fine: bool
    skipped: bool = False

    def json(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        inputs = {name: dict(of) for name, of in self.inputs.items()}
        return {
            "name": self.name,
            "verdict": self.verdict,
            "reason": self.reason,
            "inputs": inputs,
            "produced": list(self.produced),
            "seconds": round(self.seconds, 3),
            "fine": self.fine,
        }


def result_from_json(value: Mapping[str, Any]) -> SetResult:
    """Return the result that `SetResult.json` made *value* from, as one of an earlier run."""
    return SetResult(**value, skipped=True)


def each_html(notebook: str, results: Sequence[SetResult]) -> str:
    """Return the report on all sets as one HTML page; every name in it is escaped."""
    fine = sum(result.fine for result in results)
    rows = "\n".join(_row(result) for result in results)
    title = f"{html.escape(notebook)}: {fine} of {len(results)} sets went well"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f"<style>{STYLE}</style><h1>{title}</h1><table><thead><tr><th>Set<th>Verdict<th>Inputs"
        f"<th>Produced<th>Seconds</thead><tbody>\n{rows}\n</tbody></table></html>\n"
    )


def _row(result: SetResult) -> str:
    inputs = "<br>".join(
        html.escape(name if of["file"] == name else f"{name}: {of['file']}")
        + f" <code>{html.escape(of['sha256'][:12])}</code>"
        for name, of in result.inputs.items()
    )
    produced = "<br>".join(html.escape(name) for name in result.produced)
    reason = f"<br>{html.escape(result.reason)}" if result.reason else ""
    return (
        f"<tr><td>{html.escape(result.name)}<td class={result.verdict}>{result.verdict}{reason}"
        f"<td>{inputs}<td>{produced}<td>{result.seconds:.1f}"
    )
