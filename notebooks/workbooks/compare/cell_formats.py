"""What each cell format of a workbook looks like, aspect by aspect, whatever its number is.

Source: ECMA-376 part 1, section 18.8 (styles).
"""

from __future__ import annotations

from typing import Any

from ..keep.opc import parse
from ..keep.sheet_markup import name_of
from ..profile.number_formats import BUILT_IN

ASPECTS = ("number format", "font", "fill", "border", "alignment", "protection")
Looks = tuple[str, ...]
"""What a cell format says of each of `ASPECTS`; an empty text for Excel's own."""
PLAIN: Looks = ("General", "", "", "", "", "")
_NOISE = frozenset({"family", "scheme", "charset"})
_USUAL = {
    "horizontal": "general", "vertical": "bottom", "wrapText": "0", "indent": "0",
    "textRotation": "0", "shrinkToFit": "0", "justifyLastLine": "0", "readingOrder": "0",
    "locked": "1", "hidden": "0", "relativeIndent": "0",
}  # fmt: skip
_SAID = {"b": "bold", "i": "italic", "strike": "struck through"}
_TRUTHS = {"true": "1", "false": "0"}


def looks_of(content: bytes) -> list[Looks]:
    """Return what the cell formats of a styles part look like, by their number.

    Raises:
        Unreadable: It is no XML.
    """
    root = parse(content)
    groups = {name_of(group): list(group) for group in root}
    codes = dict(BUILT_IN)
    for each in groups.get("numFmts", ()):
        if (number := each.get("numFmtId", "")).isdecimal():
            code = each.get("formatCode", "")
            codes[int(number)] = code if code and code.lower() != "general" else "General"
    fonts = [_font(each) for each in groups.get("fonts", ())]
    fills = [_fill(each) for each in groups.get("fills", ())]
    borders = [_border(each) for each in groups.get("borders", ())]
    return [
        (
            codes.get(_number(xf, "numFmtId"), "General"),
            _of(fonts, _number(xf, "fontId")),
            _of(fills, _number(xf, "fillId")),
            _of(borders, _number(xf, "borderId")),
            _attributes(xf, "alignment"),
            _attributes(xf, "protection"),
        )
        for xf in groups.get("cellXfs", ())
    ]


def differential_looks(content: bytes) -> list[str]:
    """Return what the formats of conditional formats look like, by their number.

    Raises:
        Unreadable: It is no XML.
    """
    found = []
    for group in parse(content):
        if name_of(group) == "dxfs":
            for each in group:
                said = {
                    "font": _font, "fill": _differential_fill, "border": _border,
                }  # fmt: skip
                texts = [
                    f"{name_of(part)}: {said.get(name_of(part), _plain)(part)}" for part in each
                ]
                found.append("; ".join(texts))
    return found


def _of(texts: list[str], number: int) -> str:
    return texts[number] if 0 <= number < len(texts) else ""


def _number(element: Any, name: str) -> int:
    text = element.get(name, "0")
    return int(text) if text.isdecimal() else 0


def _plain(element: Any) -> str:
    return " ".join(f"{name} {value}" for name, value in sorted(element.attrib.items()))


def _color(element: Any) -> str:
    """Return a colour; transparency, which Excel ignores, is left out."""
    if rgb := element.get("rgb"):
        return f"#{rgb[-6:].upper()}"
    if theme := element.get("theme"):
        tint = element.get("tint", "0")
        plain = tint.replace("0", "").replace(".", "") == ""
        return f"theme {theme}" + ("" if plain else f" {float_text(tint)}")
    indexed = element.get("indexed", "64")
    return "" if indexed in ("64", "65") else f"color {indexed}"


def float_text(text: str) -> str:
    """Return a number as short as it is to 4 digits."""
    try:
        return f"{float(text):.4g}"
    except ValueError:
        return text


def _font(element: Any) -> str:
    words: list[str] = []
    for each in element:
        name, value = name_of(each), each.get("val", "1")
        if name in _NOISE or (name not in ("name", "sz", "color", "u", "vertAlign")
                              and _TRUTHS.get(value, value) == "0"):  # fmt: skip
            continue
        if name == "name":
            words.insert(0, value)
        elif name == "sz":
            words.append(float_text(value))
        elif name == "color":
            words.append(_color(each))
        elif name == "u":
            words.append("" if value == "none" else "underlined")
        else:
            words.append(
                {"b": "bold", "i": "italic", "strike": "struck through"}.get(
                    name, f"{name} {value}"
                )
            )
    return " ".join(sorted(filter(None, words)))


def _fill(element: Any) -> str:
    for each in element:
        kind = each.get("patternType", "none") if name_of(each) == "patternFill" else "gradient"
        if kind == "none":
            return ""
        colors = [
            _color(color)
            for color in each.iter()
            if name_of(color) in ("fgColor", "bgColor", "color")
            and not (kind == "solid" and name_of(color) == "bgColor")
        ]
        return " ".join(filter(None, [kind if kind != "solid" else "", *colors])) or kind
    return ""


def _differential_fill(element: Any) -> str:
    """Return a fill of a conditional format: there, the background is the colour of a solid one."""
    colors = {name_of(each): _color(each) for each in element.iter() if "olor" in name_of(each)}
    return colors.get("bgColor") or colors.get("fgColor") or ""


def _border(element: Any) -> str:
    words = []
    for each in element:
        if style := each.get("style"):
            color = next((_color(c) for c in each if name_of(c) == "color"), "")
            if style != "none":
                words.append(f"{name_of(each)} {style} {color}".strip())
    return ", ".join(words)


def _attributes(xf: Any, name: str) -> str:
    found = next((each for each in xf if name_of(each) == name), None)
    if found is None:
        return ""
    values = {key: _TRUTHS.get(value, value) for key, value in found.attrib.items()}
    return ", ".join(
        f"{key} {value}" for key, value in sorted(values.items()) if _USUAL.get(key) != value
    )
