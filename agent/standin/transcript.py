"""Transcripts: readable JSON files with the model's reply to each request.

A file is ``{"about": …, "exchanges": [{"when": …, "reply": …, "times": N}, …]}``. The
first exchange that matches and is not used up (``times``, unlimited by default) is
played. Matching is stateless, as each request contains the whole conversation.
"""

from __future__ import annotations

import json
import re
import textwrap
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TRANSCRIPTS = Path(__file__).resolve().parent / "transcripts"


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """The condition that a request must meet.

    Attributes:
        request: Text that the user's request contains.
        after: How many replies the model has already given in this turn.
        saw: Text that the last message contains, such as a part of an output.
        knows: Regular expressions that must all be found in what the model was sent: system
            instruction, facts, results. The text of a named group takes the place of ``⟦name⟧``
            in the reply, so that the reply follows what was sent.
    """

    request: str = ""
    after: int | None = None
    saw: str = ""
    knows: tuple[str, ...] = ()

    def found_in(self, sent: str) -> dict[str, str] | None:
        """Return the named groups of `knows` in *sent*; ``None`` if one is not found."""
        groups: dict[str, str] = {}
        for each in self.knows:
            if not (match := re.search(each, sent, re.M)):
                return None
            groups |= {name: text or "" for name, text in match.groupdict().items()}
        return groups


@dataclass(slots=True, kw_only=True)
class Exchange:
    """One reply and its condition.

    Attributes:
        when: The condition.
        reply: ``text``, ``run_code`` (``code`` as text or list of lines, and
            ``parameters``), ``parts`` (Gemini's own), ``finish_reason``,
            ``block_reason``, ``refusal`` and ``rejects`` (names of parameters; both of
            OpenAI's protocol), ``error`` (``code``, ``status``, ``message``,
            ``retry_delay``, ``kind``), ``raw`` (sent as it is), ``hang_seconds``.
        times: How often it may be played; ``None`` for no limit.
        played: How often it was played.
    """

    when: When
    reply: Mapping[str, Any]
    times: int | None = None
    played: int = 0


@dataclass(slots=True)
class Transcript:
    """Exchanges in order, safe to use from many threads."""

    exchanges: list[Exchange]
    forgets: tuple[str, ...] = ()
    """Regular expressions: what they find is not seen in what was sent."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def reply_to(
        self, words: str, after: int, last: str, body: Mapping[str, Any]
    ) -> Mapping[str, Any] | None:
        """Return the reply to a request, or ``None`` if nothing matches.

        Args:
            words: The user's words.
            after: How many replies the model has given in this turn.
            last: The last message, as JSON.
            body: The whole request.
        """
        sent: str | None = None
        with self._lock:
            for exchange in self.exchanges:
                when = exchange.when
                if exchange.times is not None and exchange.played >= exchange.times:
                    continue
                if when.after is not None and when.after != after:
                    continue
                if when.request.lower() not in words.lower() or when.saw not in last:
                    continue
                if when.knows and sent is None:
                    sent = self._seen(body)
                if (groups := when.found_in(sent or "")) is not None:
                    exchange.played += 1
                    reply: Mapping[str, Any] = _filled(exchange.reply, groups)
                    return reply
        return None

    def _seen(self, body: Mapping[str, Any]) -> str:
        sent = sent_text(body)
        for each in self.forgets:
            sent = re.sub(each, "", sent, flags=re.M)
        return sent


def sent_text(body: Mapping[str, Any]) -> str:
    """Return the texts of a request: system instruction, messages and results; no declarations."""
    parts = (body.get(name) for name in ("systemInstruction", "contents", "messages"))
    return "\n".join(_texts(list(parts)))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from [f"{key}: {each}"] if isinstance(each, int | float) else _texts(each)


def _filled(value: Any, groups: Mapping[str, str]) -> Any:
    """Return *value* with each ``⟦name⟧`` replaced by that group's text, without its indent."""
    if not groups:
        return value
    if isinstance(value, str):
        for name, text in groups.items():
            value = value.replace(f"⟦{name}⟧", textwrap.dedent(text).strip("\n"))
        return value
    if isinstance(value, Mapping):
        return {key: _filled(each, groups) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, groups) for each in value]
    return value


def load_transcripts(paths: Iterable[Path]) -> Transcript:
    """Load transcript files into one; exchanges of earlier files match first.

    Raises:
        ValueError: A file is not a transcript; the message names it.
    """
    exchanges: list[Exchange] = []
    for path in paths:
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
            exchanges += exchanges_from_json(value["exchanges"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path} is not a transcript: {error}") from None
    return Transcript(exchanges)


def exchanges_from_json(values: Iterable[Mapping[str, Any]]) -> list[Exchange]:
    """Build exchanges from a transcript file's list."""
    return [
        Exchange(when=_when(v.get("when", {})), reply=v["reply"], times=v.get("times"))
        for v in values
    ]


def _when(value: Mapping[str, Any]) -> When:
    return When(**{**value, "knows": tuple(value.get("knows", ()))})


def words_of(body: Mapping[str, Any]) -> tuple[str, int, str]:
    """Return a generateContent request's user's words, number of replies, and last message."""
    contents = body.get("contents") or []
    after = sum(content.get("role") == "model" for content in contents)
    first = contents[0].get("parts", [{}]) if contents else [{}]
    words = str(first[-1].get("text", ""))
    last = json.dumps(contents[-1], ensure_ascii=False) if contents else ""
    return words, after, last
