"""A recorded task: files, requests, the recorded replies, and what is right."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LOST = {"text": "I can't tell that from what I was sent."}
"""What the recorded model answers where a rule or fact that it relies on is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a request.

    Attributes:
        answer: The answer.
        events: Kind and data of each event of the request.
        outputs: A directory with the files of outputs/.
    """

    answer: str
    events: Sequence[tuple[str, Mapping[str, Any]]]
    outputs: Path

    def of_kind(self, kind: str) -> list[Mapping[str, Any]]:
        """Return the data of the events of *kind*."""
        return [data for each, data in self.events if each == kind]


Check = Callable[[Outcome], str]
"""Returns what is wrong; an empty text if nothing is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A recorded reply of the model.

    Attributes:
        reply: As in a transcript.
        knows: What it relies on, as `agent.standin.transcript.When.knows`.
        otherwise: The reply where that is not there; `LOST` if empty.
    """

    reply: Mapping[str, Any]
    knows: tuple[str, ...] = ()
    otherwise: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A request of a task.

    Attributes:
        request: The user's words; no two tasks have the same.
        replies: The recorded replies, in order.
        right: What must hold.
        files: Writes the files that are uploaded before, into a directory, and returns them.
        anew: In a conversation of its own; the first step always is.
        advice: Asked for advice, without code.
    """

    request: str
    replies: tuple[Reply, ...]
    right: tuple[Check, ...] = ()
    files: Callable[[Path], Sequence[Path]] = lambda _: ()
    anew: bool = False
    advice: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One task: a name, and requests one after the other.

    Attributes:
        name: What it is about.
        steps: The requests.
        alone: Runs after the others, as it changes what the user's later requests are sent.
    """

    name: str
    steps: tuple[Step, ...]
    alone: bool = False

    def exchanges(self) -> list[dict[str, Any]]:
        """Return the task as a transcript's exchanges."""
        made: list[dict[str, Any]] = []
        for step in self.steps:
            for number, each in enumerate(step.replies):
                when = {"request": step.request, "after": number}
                made.append({"when": {**when, "knows": each.knows}, "reply": each.reply})
                if each.knows:
                    made.append({"when": when, "reply": each.otherwise or LOST})
            made.append({"when": {"request": step.request}, "reply": LOST})
        return made


def one(name: str, **step: Any) -> Task:
    """Return a task of one request."""
    return Task(name=name, steps=(Step(**step),))


def code(
    *lines: str, knows: tuple[str, ...] = (), otherwise: Any = None, **parameters: Any
) -> Reply:
    """Return a reply that runs *lines* with *parameters*."""
    call: dict[str, Any] = {"code": "\n".join(lines)}
    if parameters:
        call["parameters"] = parameters
    return Reply(reply={"run_code": call}, knows=knows, otherwise=otherwise)


def call(name: str, knows: tuple[str, ...] = (), otherwise: Any = None, **arguments: Any) -> Reply:
    """Return a reply that calls the function *name*."""
    part = {"functionCall": {"name": name, "args": arguments}}
    return Reply(reply={"parts": [part]}, knows=knows, otherwise=otherwise)


def answer(text: str, *knows: str, otherwise: Any = None) -> Reply:
    """Return a reply in words."""
    return Reply(reply={"text": text}, knows=knows, otherwise=otherwise)


def rule(words: str) -> str:
    """Return a pattern for *words* of the system prompt, wherever its lines break."""
    return r"\s+".join(re.escape(word) for word in words.split())


def recipe(file: str, name: str = "recipe", sheet: str = "") -> str:
    """Return a pattern for the recipe of a table of *file*, as the group *name*."""
    within = rf"Sheet {re.escape(repr(sheet))}[\s\S]*?" if sheet else ""
    start = rf"^File 'inputs/{re.escape(file)}'[\s\S]*?{within}recipe:\n"
    return rf"{start}(?P<{name}>(?: {{8}}.*|\n)+)"


def printed(label: str, name: str = "value") -> str:
    """Return a pattern for the number that code printed after *label*, as the group *name*."""
    return rf"^{re.escape(label)} (?P<{name}>-?[\d.,]+)$"


USE_RECIPE = rule("Load a table with the recipe")
