"""A cell's outputs on their way to clients and into the record, guarded by the tenant's policy."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Any

from agent.egress.outgoing import guarded_value
from agent.egress.policy import Action
from agent.egress.stream import Guarded, GuardedStream

AT_ONCE = 200_000
"""Characters that are searched within the event loop; more in a thread."""
PICTURES = ("image/", "application/pdf", "application/octet-stream")


class LeavingOutputs:
    """Guards the outputs of one cell, in order.

    Printed text may be held back until it can't go on in the next output. The same outputs give
    the same ones again, so that a successor of this service can count what was emitted.
    """

    def __init__(self, actions: Mapping[str, Action]) -> None:
        """Begin before the first output.

        Args:
            actions: Kind → action towards clients (see `agent.egress.policy`).
        """
        self._actions = actions
        self.open = is_open(actions)
        """Nothing is searched or held back."""
        self._streams: dict[str, GuardedStream] = {}
        self._counts: Counter[tuple[str, str, str]] = Counter()

    async def take(self, output: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """Return what goes out now that *output* has come: none, itself, or what was held too."""
        if self.open:
            return [output]
        if output["output_type"] == "stream":
            stream = self._streams.setdefault(str(output["name"]), GuardedStream(self._actions))
            text = str(output["text"])
            said = (
                await asyncio.to_thread(stream.add, text)
                if len(text) > AT_ONCE
                else stream.add(text)
            )
            return self._said(output, said)
        # What was printed before goes out before it.
        return [*self.rest(), await asyncio.to_thread(self._shown, output)]

    def rest(self) -> list[Mapping[str, Any]]:
        """Return the printed text that was held back."""
        held = []
        for name, stream in self._streams.items():
            held += self._said({"output_type": "stream", "name": name}, stream.end())
        return held

    def error(self, error: Mapping[str, str] | None) -> Mapping[str, str] | None:
        """Return a cell's error as it goes out."""
        if error is None or self.open:
            return error
        shown, findings = guarded_value(dict(error), self._actions)
        self._count(findings)
        return dict(shown)

    def findings(self) -> list[dict[str, Any]]:
        """Return what was found, as an event has it."""
        return [
            {"kind": kind, "rule": rule, "action": action, "count": count}
            for (kind, rule, action), count in sorted(self._counts.items())
        ]

    def _said(self, output: Mapping[str, Any], said: Guarded) -> list[Mapping[str, Any]]:
        self._count(said.facts())
        return [{**output, "text": said.text}] if said.text else []

    def _shown(self, output: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return an output that is no printed text; pictures are left alone."""
        shown, findings = guarded_output(output, self._actions)
        self._count(findings)
        return shown

    def _count(self, findings: list[dict[str, Any]]) -> None:
        for each in findings:
            self._counts[each["kind"], each["rule"], each["action"]] += each["count"]


def is_open(actions: Mapping[str, Action]) -> bool:
    """Whether *actions* let everything out as it is."""
    return all(action == "allow" for action in actions.values())


def guarded_output(
    output: Mapping[str, Any], actions: Mapping[str, Action]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return an output, or a message's content, as it goes out; and what was found in it.

    Pictures are left alone.

    Args:
        output: In nbformat's terms; of printed text a whole, as nothing is held back here.
        actions: Kind → action towards clients.
    """
    shown, found = dict(output), list[dict[str, Any]]()
    for name in ("text", "data", "metadata", "ename", "evalue", "traceback"):
        if name in shown:
            value = shown[name]
            pictures = {}
            if isinstance(value, Mapping):
                pictures = {k: v for k, v in value.items() if _is_picture(k)}
                value = {k: v for k, v in value.items() if k not in pictures}
            guarded, findings = guarded_value(value, actions)
            found += findings
            shown[name] = {**guarded, **pictures} if isinstance(value, Mapping) else guarded
    return shown, found


def _is_picture(kind: str) -> bool:
    """Whether data of the MIME type *kind* is no text; SVG is."""
    return kind.startswith(PICTURES) and "xml" not in kind and "svg" not in kind
