"""Transcripts: readable JSON files with the model's reply to each request.

A file is ``{"about": …, "exchanges": [{"when": …, "reply": …, "times": N}, …]}``. The
first exchange that matches and is not used up (``times``, unlimited by default) is
played. Matching is stateless, as each request contains the whole conversation.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping
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
    """

    request: str = ""
    after: int | None = None
    saw: str = ""


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
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def reply_to(self, words: str, after: int, last: str) -> Mapping[str, Any] | None:
        """Return the reply to a request, or ``None`` if nothing matches.

        Args:
            words: The user's words.
            after: How many replies the model has given in this turn.
            last: The last message, as JSON.
        """
        with self._lock:
            for exchange in self.exchanges:
                when = exchange.when
                if exchange.times is not None and exchange.played >= exchange.times:
                    continue
                if when.after is not None and when.after != after:
                    continue
                if when.request.lower() in words.lower() and when.saw in last:
                    exchange.played += 1
                    return exchange.reply
        return None


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
        Exchange(when=When(**v.get("when", {})), reply=v["reply"], times=v.get("times"))
        for v in values
    ]


def words_of(body: Mapping[str, Any]) -> tuple[str, int, str]:
    """Return a generateContent request's user's words, number of replies, and last message."""
    contents = body.get("contents") or []
    after = sum(content.get("role") == "model" for content in contents)
    first = contents[0].get("parts", [{}]) if contents else [{}]
    words = str(first[-1].get("text", ""))
    last = json.dumps(contents[-1], ensure_ascii=False) if contents else ""
    return words, after, last
