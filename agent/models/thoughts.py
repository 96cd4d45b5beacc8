"""What a model thinks aloud at the start of its text, left out of what is shown."""

from __future__ import annotations

OPEN, CLOSE = "<think>", "</think>"


class Spoken:
    """Lets text through but for a leading ``<think>…</think>``, piece by piece.

    Models that reason write it into their text where their service does not take it out
    (DeepSeek-R1 and Qwen behind llama.cpp or Ollama).
    """

    def __init__(self) -> None:
        """Begin before the first piece."""
        self._held = ""
        self._state = "start"

    def add(self, piece: str) -> str:
        """Return what of the text so far is now known to be spoken."""
        if self._state == "speaking":
            return piece
        self._held += piece
        begun = self._held.lstrip()
        if self._state == "start":
            if OPEN.startswith(begun[: len(OPEN)]) and len(begun) < len(OPEN):
                return ""  # too little to say
            self._state = "thinking" if begun.startswith(OPEN) else "speaking"
        if self._state == "thinking":
            _, closed, spoken = self._held.partition(CLOSE)
            if not closed:
                return ""
            self._held, self._state = spoken.lstrip(), "speaking"
        held, self._held = self._held, ""
        return held

    def rest(self) -> str:
        """Return the held text once all has come; thoughts without an end are no text."""
        held, self._held = self._held, ""
        return held if self._state == "start" else ""
