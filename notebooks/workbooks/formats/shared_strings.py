"""The table of texts of an .xlsx package (ECMA-376 part 1, 18.4)."""

from __future__ import annotations

import itertools
import re
from typing import IO

from . import markup_stream

PIECE_BYTES = 1_000_000
_ENTITY = re.compile(r"&(?:#x([0-9a-fA-F]+)|#([0-9]+)|(amp|lt|gt|quot|apos));")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
_TEXT = re.compile(r"<t((?: [^>]*)?)>([^<]*)</t>")
_PHONETIC = re.compile(r"<rPh\b.*?</rPh>", re.DOTALL)


BLANKS = " \t\r\n"


def kept(text: str, preserved: bool) -> str:  # noqa: FBT001 (a plain function of two values)
    """Return *text* as Excel shows it: without blanks around it, unless the file preserves them."""
    return text if preserved else text.strip(BLANKS)


class NotPlain(Exception):
    """The part is written in a way that only a full parser reads."""


def unescaped(text: str) -> str:
    """Return *text* with ``_xHHHH_``, a character XML can't hold, replaced (22.4.2.4 bstr)."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


def _character(found: re.Match[str]) -> str:
    sixteen, ten, name = found.groups()
    return _NAMED[name] if name else chr(int(sixteen, 16) if sixteen else int(ten))


def _content(markup: str) -> str:
    """Return the text of character data as it stands in a file."""
    return unescaped(_ENTITY.sub(_character, markup) if "&" in markup else markup)


class _Strings:
    """Handlers that collect the texts."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._parts: list[str] = []
        self._piece: list[str] = []
        self._preserved = False
        self._in_text = False
        self._phonetic = 0

    def start(self, name: str, of: dict[str, str]) -> None:
        if name == "si":
            self._parts = []
        elif name == "rPh":
            self._phonetic += 1
        elif name == "t":
            self._in_text, self._piece = not self._phonetic, []
            self._preserved = of.get("xml:space") == "preserve"

    def text(self, data: str) -> None:
        if self._in_text:
            self._piece.append(data)

    def end(self, name: str) -> None:
        if name == "t" and self._in_text:
            self._in_text = False
            self._parts.append(kept("".join(self._piece), self._preserved))
        elif name == "rPh":
            self._phonetic -= 1
        elif name == "si":
            self.found.append(unescaped("".join(self._parts)))


def read_plain(stream: IO[bytes]) -> list[str]:
    """Return the texts, fast, from a part as the usual programs write it.

    Raises:
        NotPlain: The part has prefixes, comments, another encoding or a document type.
    """
    texts: list[str] = []
    rest = b""
    first = True
    while piece := stream.read(PIECE_BYTES):
        rest += piece
        if first:
            if b"<sst" not in rest[:4096] or re.search(rb"encoding=[\"'](?!utf-8)", rest[:200], 2):
                raise NotPlain
            first = False
        end = rest.rfind(b"</si>")
        if end < 0:
            continue
        try:
            whole = rest[:end].decode()
        except UnicodeDecodeError:
            raise NotPlain from None
        rest = rest[end + 5 :]
        if "<!" in whole:
            raise NotPlain
        if "\r" in whole:
            whole = whole.replace("\r\n", "\n").replace("\r", "\n")
        _add_all(whole, texts)
    if b"</sst>" not in rest and (texts or b"/>" not in rest):
        raise NotPlain  # cut off: the full parser says where
    texts += [""] * rest.count(b"<si/>")
    return texts


_BETWEEN, _FIRST, _LAST = "</t></si><si><t>", "<si><t>", "</t>"


def _add_all(whole: str, texts: list[str]) -> None:
    """Add the texts of many items; the last one's end tag is cut off."""
    start = whole.find(_FIRST)
    if not whole[:start].strip() or (start >= 0 and not texts and "<si" not in whole[:start]):
        found = whole[start + len(_FIRST) : -len(_LAST)].split(_BETWEEN)
        if whole.endswith(_LAST) and whole.count("<", start) == 4 * len(found) - 1:
            if "&" in whole or "_x" in whole:
                found = [_content(text.strip(BLANKS)) for text in found]
            texts += map(str.strip, found, itertools.repeat(BLANKS))
            return
    for item in whole.split("</si>"):
        _add(item, texts)


def _add(item: str, texts: list[str]) -> None:
    if item.startswith("<si><t>") and item.endswith("</t>") and item.count("<") == 3:
        texts.append(_content(item[7:-4].strip(BLANKS)))
        return
    before, opened, inside = item.rpartition("<si>")
    if not opened:
        raise NotPlain
    texts += [""] * before.count("<si/>")
    pieces = _TEXT.findall(_PHONETIC.sub("", inside))
    texts.append(_content("".join(kept(text, "preserve" in of) for of, text in pieces)))


def read_any(stream: IO[bytes]) -> list[str]:
    """Return the texts of any well-formed part.

    Raises:
        Unreadable: It is malformed, or declares a document type.
    """
    strings = _Strings()
    for _ in markup_stream.events(stream, strings):
        pass
    return strings.found
