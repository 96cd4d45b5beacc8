"""A trace as W3C PROV-JSON.

Source: W3C Member Submission "The PROV-JSON Serialization" (2013-04-24), section 3; the terms are
those of PROV-DM (W3C Recommendation, 2013-04-30), sections 5.1 to 5.3.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from notebooks.lineage.trace import Trace

PREFIXES = {"tb": "urn:tallybook:", "prov": "http://www.w3.org/ns/prov#"}
Json = dict[str, Any]


def trace_to_prov(found: Trace) -> Json:
    """Return the trace as a PROV-JSON document.

    Entities are the traced cell, its file, the tables and rows that were read, and the code;
    the activity is the run of the recorded cell; agents are the model and who asked for it.
    """
    document: Json = {"prefix": dict(PREFIXES), "entity": {}, "activity": {}, "agent": {}}
    run = f"tb:run/{quote(found.writer.id)}"
    document["activity"][run] = {
        "prov:type": "tb:CellRun",
        "tb:cell": found.writer.number,
        "tb:turn": found.writer.turn,
        **({"prov:startTime": found.writer.started} if found.writer.started else {}),
    }
    file = _file(document, found.file, found.sha256)
    cell = f"tb:cell/{quote(found.file)}/{quote(found.sheet)}/{quote(found.cell)}"
    value = found.origin.get("value")
    document["entity"][cell] = {"prov:type": "tb:Cell", "tb:sheet": found.sheet,
                                "tb:address": found.cell}  # fmt: skip
    if value is not None:
        document["entity"][cell]["prov:value"] = value
    _relate(document, "wasGeneratedBy", {"prov:entity": file, "prov:activity": run})
    _relate(document, "wasGeneratedBy", {"prov:entity": cell, "prov:activity": run})
    _relate(document, "hadMember", {"prov:collection": file, "prov:entity": cell})
    _agents(document, found, run)
    for each in found.inputs:
        table = _file(document, each.file, each.sha256, each.sheet)
        document["entity"][table]["tb:columns"] = list(each.columns)
        _relate(document, "used", {"prov:activity": run, "prov:entity": table})
    for step in found.steps:
        code = f"tb:code/{quote(step.id)}/{step.line}"
        document["entity"][code] = {
            "prov:type": "tb:Code", "tb:cell": step.cell, "tb:line": step.line,
            "prov:value": step.code,
        }  # fmt: skip
        _relate(document, "used", {"prov:activity": run, "prov:entity": code})
    _derivations(document, found.origin, cell, found)
    return document


def _file(document: Json, name: str, sha256: str, sheet: str = "") -> str:
    key = f"tb:file/{quote(name)}" + (f"/{quote(sheet)}" if sheet else "")
    facts = {"prov:type": "tb:Table" if sheet else "tb:File", "tb:name": name}
    if sheet:
        facts["tb:sheet"] = sheet
    if sha256:
        facts["tb:sha256"] = sha256
    document["entity"].setdefault(key, facts)
    return key


def _agents(document: Json, found: Trace, run: str) -> None:
    document["agent"]["tb:user"] = {"prov:type": "prov:Person"}
    _relate(document, "wasAssociatedWith", {"prov:activity": run, "prov:agent": "tb:user"})
    if found.writer.model:
        model = f"tb:model/{quote(found.writer.model)}"
        document["agent"][model] = {"prov:type": "prov:SoftwareAgent"}
        _relate(document, "wasAssociatedWith", {"prov:activity": run, "prov:agent": model})
        _relate(document, "actedOnBehalfOf", {"prov:delegate": model,
                                              "prov:responsible": "tb:user"})  # fmt: skip


def _derivations(document: Json, node: Mapping[str, Any], cell: str, found: Trace) -> None:
    for source in node.get("sources", ()):
        rows = source.get("rows")
        texts = [f"{first}-{last}" for first, last in rows or ()]
        name = f"{quote(source['file'])}/{quote(source['sheet'])}/rows/{quote(','.join(texts))}"
        key = f"tb:{name}"
        document["entity"][key] = {
            "prov:type": "tb:Rows", "tb:name": source["file"], "tb:sheet": source["sheet"],
            "tb:rows": texts, "tb:count": source["count"], "tb:columns": source["columns"],
        }  # fmt: skip
        made = node["computation"]
        facts = {"tb:computation": f"{made['how']} of {made['column']}",
                 "tb:checked": bool(source.get("checked"))}  # fmt: skip
        _relate(document, "wasDerivedFrom",
                {"prov:generatedEntity": cell, "prov:usedEntity": key, **facts})  # fmt: skip
        table = _file(document, source["file"], "", source["sheet"])
        _relate(document, "hadMember", {"prov:collection": table, "prov:entity": key})
    for child in _children(node):
        key = f"tb:cell/{quote(found.file)}/{quote(child['sheet'])}/{quote(child['cell'])}"
        facts = {"prov:type": "tb:Cell", "tb:sheet": child["sheet"], "tb:address": child["cell"]}
        if child.get("value") is not None:
            facts["prov:value"] = child["value"]
        new = key not in document["entity"]
        document["entity"].setdefault(key, facts)
        _relate(document, "wasDerivedFrom", {"prov:generatedEntity": cell, "prov:usedEntity": key})
        if new:
            _derivations(document, child, key, found)


def _children(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for area in node.get("precedents", ()):
        yield from area["cells"]


def _relate(document: Json, kind: str, facts: Mapping[str, Any]) -> None:
    of_kind = document.setdefault(kind, {})
    of_kind[f"_:{kind}{len(of_kind) + 1}"] = dict(facts)
