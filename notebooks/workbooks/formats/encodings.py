"""The encoding of a text file, by its bytes.

A byte order mark or valid UTF-8 decides. Else the candidates are compared by how many of their
characters above ASCII are letters of one language that is written with them.
"""

from __future__ import annotations

import codecs
import itertools
import re
from typing import BinaryIO

PIECE_BYTES = 1_000_000
SAMPLE_BYTES = 60_000
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LANGUAGES = {
    "cp1252": ("äöüß€§", "éèêëàâçùûüîïôœæ€", "áéíóúñü¿¡ªº", "ãõçáéíóúâêôà", "àèéìòù", "åäöøæé"),
    "cp1250": ("ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "čćđšž", "ăâîşţ"),
    "cp1251": ("абвгдежзийклмнопрстуфхцчшщъыьэюяёіїєґ№",),
    "cp1253": ("αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋ",),
    "cp1254": ("ğışçöüâîİ",),
    "cp1257": ("āčēģīķļņšūž", "ąčęėįšųūž", "äõöüšž"),
    "cp850": ("äöüß", "éèêàâçùûîïô", "áéíóúñü"),
    "mac_roman": ("äöüß", "éèêàâçùûîïô", "áéíóúñü"),
}
"""Where two encodings fit alike, the first of them is meant."""
_ASIAN = ("cp932", "euc_jp", "gb18030", "big5", "euc_kr")
_COMMON_CHINESE = (
    "的一是不了人我在有他这为之大来以个中上们金额日期账户编号公司"
    "付款收入支出余额備註銀行總計帳戶編號"
)


def encoding_of(file: BinaryIO) -> tuple[str, bool]:
    """Return the codec name of the text in *file*, and whether a byte order mark says so.

    Args:
        file: Open at its start; it is read to the end.
    """
    head = file.read(PIECE_BYTES)
    for mark, codec in _BOMS:
        if head.startswith(mark):
            return codec, True
    if unmarked := _without_mark(head):
        return unmarked, False
    decoder = codecs.getincrementaldecoder("utf-8")()
    sample = bytearray()
    valid = True
    while head:
        if valid:
            try:
                decoder.decode(head)
            except UnicodeDecodeError:
                valid = False
        if not head.isascii() and len(sample) < SAMPLE_BYTES:
            _take(head, sample)
        if not valid and len(sample) >= SAMPLE_BYTES:
            break
        head = file.read(PIECE_BYTES)
    if valid:
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            valid = False
    return ("utf-8" if valid else _legacy(bytes(sample))), False


def _without_mark(head: bytes) -> str | None:
    """Return UTF-16's codec if every other byte is zero, as in Latin text; else ``None``."""
    even, odd = head[0:4000:2], head[1:4000:2]
    if len(odd) < 2:
        return None
    if odd.count(0) > 0.4 * len(odd) and even.count(0) < 0.05 * len(even):
        return "utf-16-le"
    if even.count(0) > 0.4 * len(even) and odd.count(0) < 0.05 * len(odd):
        return "utf-16-be"
    return None


def _take(piece: bytes, sample: bytearray) -> None:
    """Add the lines of *piece* that have bytes above ASCII to *sample*."""
    for line in re.findall(rb"[^\r\n]*[\x80-\xff][^\r\n]*[\r\n]?", piece):
        sample += line[:2000]
        if len(sample) >= SAMPLE_BYTES:
            return


def _legacy(sample: bytes) -> str:
    """Return the best fitting encoding of *sample*, which is not valid UTF-8."""
    high = sum(byte >= 0x80 for byte in sample)
    best, best_score = "", 0.0
    for codec in _ASIAN:
        if (score := _asian_score(sample, codec, high)) > best_score:
            best, best_score = codec, score
    if best_score > 0.75:
        return best
    best, best_score = "cp1252", -1.0
    for codec, languages in _LANGUAGES.items():
        written = sample.decode(codec, "replace")
        text = written.lower()
        foreign = [character for character in text if character > "\x7f"]
        # A capital behind a small letter, inside a word, speaks against the encoding.
        capitals = sum(a.islower() and b.isupper() for a, b in itertools.pairwise(written))
        score = -capitals / max(1, len(foreign)) + max(
            _share(foreign, text, letters) for letters in languages
        )
        if score > best_score + 0.02:
            best, best_score = codec, score
    if best == "cp1252":
        try:
            sample.decode("cp1252")
        except UnicodeDecodeError:
            return "latin-1"
    return best


_NEUTRAL = frozenset("\u00a0°€£§«»„“”…²³µ®©±\u2013\u2014\u2018\u2019\u201a")


def _share(foreign: list[str], text: str, letters: str) -> float:
    """Return the share of characters above ASCII that are *letters* of one language."""
    counted = [character for character in foreign if character not in _NEUTRAL]
    if not counted:
        return 0.5 if "\ufffd" not in text else 0.0
    fitting = sum(character in letters for character in counted)
    # A sign inside a word speaks against the encoding.
    broken = len(re.findall(r"(?<=[a-z])[\u00a0-\u00bf²³¹](?=[a-z])", text))
    return (fitting - broken) / len(counted)


def _asian_score(sample: bytes, codec: str, high: int) -> float:
    """Return how likely *sample* is East Asian text in *codec*, from 0 to 1."""
    try:
        text = _whole_lines(sample).decode(codec)
    except UnicodeDecodeError:
        return 0.0
    wide = [character for character in text if character > "\x7f"]
    if not wide:
        return 0.0
    kana = sum("\u3041" <= c <= "\u30ff" for c in wide)
    half = sum("\uff61" <= c <= "\uff9f" for c in wide)
    han = sum("\u4e00" <= c <= "\u9fff" for c in wide)
    hangul = sum("\uac00" <= c <= "\ud7a3" for c in wide)
    common = sum(c in _COMMON_CHINESE for c in wide)
    signs = sum("\u3000" <= c <= "\u3020" or "\uff01" <= c <= "\uff5e" for c in wide)
    if codec in ("cp932", "euc_jp"):
        # Half of the lead bytes of Japanese text are below 0xA0, where European text has none.
        low = sum(0x81 <= byte <= 0x9F for byte in sample) / max(1, high)
        if codec == "cp932" and low < 0.15 and half < len(wide) * 0.9:
            return 0.0
        known = kana + han + signs + half
        bonus = kana > 0.1 * len(wide) or (codec == "cp932" and low > 0.3)
        return known / len(wide) * (1.0 if bonus else 0.6)
    if codec == "euc_kr":
        return hangul / len(wide)
    return (han + signs) / len(wide) * (0.95 if common > 0.04 * len(wide) else 0.4)


def _whole_lines(sample: bytes) -> bytes:
    end = max(sample.rfind(b"\n"), sample.rfind(b"\r"))
    return sample if end < 0 or len(sample) < SAMPLE_BYTES else sample[: end + 1]
