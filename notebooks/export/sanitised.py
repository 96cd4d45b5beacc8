"""Sanitises HTML and pictures from a notebook, so that they run and load nothing.

A notebook's texts and outputs come from untrusted files and code. What is allowed is listed;
everything else is removed.
"""

from __future__ import annotations

import base64
import re
import xml.etree.ElementTree as ET

from bleach.css_sanitizer import CSSSanitizer
from bleach.sanitizer import Cleaner
from bs4 import BeautifulSoup

from notebooks.export.style import STYLE

TAGS = frozenset(
    "a abbr b blockquote br caption code col colgroup dd del details div dl dt em figcaption figure"
    " h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q s samp section small span strong sub"
    " summary sup table tbody td tfoot th thead tr u ul var".split()
)
_GONE_WITH_CONTENT = (
    "applet audio base button canvas embed form frame frameset head iframe link math meta noembed"
    " noframes noscript object option plaintext script select style svg template textarea title"
    " video xmp".split()
)
_STYLES = (
    "background-color border border-bottom border-collapse border-color border-left border-right"
    " border-style border-top border-width color font-size font-style font-weight height"
    " margin-left max-width min-width padding padding-left text-align text-decoration"
    " vertical-align white-space width".split()
)
_ATTRIBUTES = frozenset(
    "align alt colspan dir height lang rowspan scope span start title width".split()
)
_LINK = re.compile(r"(https?://|mailto:|#)", re.IGNORECASE)
_PICTURE = re.compile(r"data:image/(png|jpeg|gif|webp|svg\+xml);base64,[A-Za-z0-9+/=]+")
_BASE64 = re.compile(r"[A-Za-z0-9+/]+=*")
_NOT_IN_STYLES = re.compile(r"url|expression|@|\\|/\*", re.IGNORECASE)
_NOT_IN_SVG = frozenset(
    "script foreignObject iframe embed object audio video handler animate set".split()
)
OWN_CLASSES = frozenset(re.findall(r"\.([a-z-]+)", STYLE)) - {"highlight"}
"""Classes of the page's own: with these, an output could pass for a verdict of the page."""
MAX_DEPTH = 1000
"""Largest nesting depth of elements: the parsing time grows with its square."""
PICTURES = ("image/svg+xml", "image/png", "image/jpeg", "image/gif", "image/webp")


def _allowed(tag: str, name: str, value: str) -> bool:
    if name == "href":
        return tag == "a" and _LINK.match(value) is not None
    if name == "src":
        return tag == "img" and _PICTURE.fullmatch(value) is not None
    if name == "style":
        return _NOT_IN_STYLES.search(value) is None
    if name == "class":
        return OWN_CLASSES.isdisjoint(value.lower().split())
    return name in _ATTRIBUTES


def sanitised(html: str) -> str:
    """Return *html* without elements and styles that run, load or overlay anything.

    Raises:
        ValueError: It is nested too deeply.
    """
    try:
        soup = BeautifulSoup(html, "html.parser")
        if _depth(soup) > MAX_DEPTH:
            raise ValueError("the HTML is nested too deeply")
        for tag in soup.find_all(_GONE_WITH_CONTENT):
            tag.decompose()
        return str(_cleaner().clean(str(soup)))
    except (RecursionError, AssertionError):
        raise ValueError("the HTML is nested too deeply") from None


def _depth(soup: BeautifulSoup) -> int:
    depths = {id(soup): 0}
    for tag in soup.find_all(name=True):
        depths[id(tag)] = depths[id(tag.parent)] + 1
    return max(depths.values())


def _cleaner() -> Cleaner:
    return Cleaner(
        tags=TAGS,
        attributes=_allowed,
        protocols=frozenset({"http", "https", "mailto", "data"}),
        strip=True,
        css_sanitizer=CSSSanitizer(allowed_css_properties=_STYLES, allowed_svg_properties=()),
    )


def shows_something(html: str) -> bool:
    """Whether sanitised *html* has any text or picture left."""
    return "<img" in html or "<hr" in html or bool(re.sub(r"<[^>]*>", "", html).strip())


def picture_address(kind: str, content: str) -> str:
    """Return the ``data:`` address of a picture; ``""`` if *content* is not one.

    Args:
        kind: One of `PICTURES`.
        content: Base64, or the text of an SVG.
    """
    if kind == "image/svg+xml":
        content = base64.b64encode(_plain_svg(content)).decode()
    content = "".join(content.split())
    return f"data:{kind};base64,{content}" if _BASE64.fullmatch(content) else ""


def _plain_svg(text: str) -> bytes:
    """Return an SVG without scripts, handlers and links; empty if it can't be parsed."""
    if "<!ENTITY" in text:
        return b""
    try:
        root = ET.fromstring(text)  # noqa: S314 (safe without entities)
    except (ET.ParseError, ValueError, RecursionError):
        return b""
    for element in list(root.iter()):
        for child in list(element):
            if not isinstance(child.tag, str) or child.tag.rpartition("}")[2] in _NOT_IN_SVG:
                element.remove(child)
        for name, value in list(element.attrib.items()):
            local = name.rpartition("}")[2].lower()
            is_link = local in ("href", "src") and not value.startswith(("#", "data:image/"))
            if local.startswith("on") or is_link:
                del element.attrib[name]
    return ET.tostring(root)
