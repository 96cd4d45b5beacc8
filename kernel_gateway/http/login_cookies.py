"""The cookies of a signed-in browser.

One holds the access token. It is sent only with requests of the service's own pages
(``SameSite=Strict``), so not when the user clicks a link on a foreign page. The other, the mark,
is sent even then (``Lax``): it is a digest of tenant and user, and grants no access.
Source: RFC 6265bis, sections 4.1.3 (``__Host-``) and 5.6.7 (SameSite).
"""

from __future__ import annotations

import hashlib
import hmac
import time

from tornado.web import RequestHandler

from kernel_gateway.identity.auth import Identity

TOKEN = "tallybook_token"  # noqa: S105 (a cookie's name)
MARK = "tallybook_user"
TLS_PREFIX = "__Host-"
"""Browsers accept such a cookie only over TLS, from this host, with ``Path=/``."""
KEPT_SECONDS = 30 * 86_400
LATEST = 253_402_300_799
"""The last second that has a date: 9999-12-31."""


def login_token(handler: RequestHandler, *, tls: bool) -> str | None:
    """Return the access token from the browser's cookie.

    Over TLS the cookie must have the prefix: another host of the domain could have set one
    without. Without TLS it must not: one with the prefix belongs to another service on this host.
    """
    return handler.get_cookie((TLS_PREFIX if tls else "") + TOKEN)


def mark_of_another(handler: RequestHandler, who: Identity, *, tls: bool) -> bool:
    """Whether the browser has the mark of another user than *who*."""
    mark = handler.get_cookie((TLS_PREFIX if tls else "") + MARK)
    return mark is not None and not hmac.compare_digest(mark.encode(), _mark(who).encode())


def set_login(handler: RequestHandler, token: str, who: Identity, *, tls: bool) -> None:
    """Set the cookies with *token* and the mark of *who*; they expire with the token."""
    expires = time.time() + KEPT_SECONDS if who.expires is None else min(who.expires, LATEST)
    prefix = TLS_PREFIX if tls else ""
    for name, value, same_site in ((TOKEN, token, "Strict"), (MARK, _mark(who), "Lax")):
        handler.set_cookie(
            prefix + name,
            value,
            path="/",
            expires=expires,
            httponly=True,
            secure=tls,
            samesite=same_site,
        )


def _mark(who: Identity) -> str:
    return hashlib.sha256(f"{who.tenant}\0{who.user}".encode()).hexdigest()
