"""The cookies of a browser that is signed in.

One holds the access token and goes with requests of the service's own pages only
(``SameSite=Strict``). A browser therefore keeps it back when somebody clicks a link on a foreign
page. The other one, the mark, comes along even then: it is a digest of who is signed in, and
opens nothing. Source: RFC 6265bis, sections 4.1.3 (``__Host-``) and 5.6.7 (SameSite).
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
"""Browsers take a cookie of such a name over TLS only, from this host, for all of it."""
KEPT_SECONDS = 30 * 86_400
LATEST = 253_402_300_799
"""The last second that has a date: 9999-12-31."""


def login_token(handler: RequestHandler, *, tls: bool) -> str | None:
    """Return the access token that a browser sends in its cookie.

    Over TLS one without the prefix doesn't count: another host of the domain could have set it.
    Without TLS one with the prefix doesn't: it is of another service on this host.
    """
    return handler.get_cookie((TLS_PREFIX if tls else "") + TOKEN)


def mark_of_another(handler: RequestHandler, who: Identity, *, tls: bool) -> bool:
    """Whether the browser is marked as that of somebody who is not *who*."""
    mark = handler.get_cookie((TLS_PREFIX if tls else "") + MARK)
    return mark is not None and not hmac.compare_digest(mark.encode(), _mark(who).encode())


def set_login(handler: RequestHandler, token: str, who: Identity, *, tls: bool) -> None:
    """Have the browser keep *token*, and the mark of *who*, until the token ends."""
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
