"""The web page, and the sign-in of browsers."""

from __future__ import annotations

import html
from importlib import resources
from urllib.parse import parse_qs

from kernel_gateway.errors import (
    BadRequest,
    ForeignOrigin,
    KeysUnavailable,
    MethodNotAllowed,
    NotAuthenticated,
    NotFound,
)
from kernel_gateway.http.json_handler import JsonHandler, check_token, client_of
from kernel_gateway.http.login_cookies import login_token, mark_of_another, set_login
from kernel_gateway.identity.auth import Identity, same_origin

PAGES = {
    "": ("index.html", "text/html; charset=utf-8"),
    "app.js": ("app.js", "text/javascript; charset=utf-8"),
    "app.css": ("app.css", "text/css; charset=utf-8"),
}
_QUESTION = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Tallybook: change the user?</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/app.css"></head>
<body><main><section>
<h1>Change the user?</h1>
<p>This browser is signed in as {present}. The link you opened signs it in as {new}.
What you then upload and ask goes to that user. If you did not expect this, go back.</p>
<form method="post" action="/">
<input type="hidden" name="token" value="{token}">
<button type="submit">Sign in as {new}</button> <a href="/">Go back</a>
</form></section></main></body></html>
"""


COOKIE_CHARACTERS = 3_900
"""Longest token a cookie holds; RFC 6265, section 6.1: 4,096 bytes with name and attributes."""


class PageHandler(JsonHandler):
    """``/``: the page. With ``?token=`` it signs in, then redirects to an address without it.

    A link must not replace the signed-in user: an attacker could have written it, and would get
    the user's next uploads. So a page asks first, and only a form sent by that page is accepted.
    """

    public = True

    async def get(self, name: str) -> None:
        if (token := self.get_query_argument("token", None)) is not None:
            who = await check_token(self, token)
            present = await self._another_than(who)
            if present is None:
                self._sign_in(token, who, status=302)
            else:
                self._ask(token, who, present)
            return
        if name not in PAGES:
            raise NotFound("address", self.request.path)
        await self.check_caller()
        file, kind = PAGES[name]
        self.set_header("Content-Type", kind)
        self.finish((resources.files("kernel_gateway.static") / file).read_bytes())

    async def post(self, name: str) -> None:
        """Change the user, as confirmed by the form of `_ask`."""
        if name:
            raise MethodNotAllowed("POST", self.request.path)
        headers = self.request.headers
        if "Origin" not in headers or not same_origin(headers, tls=client_of(self).tls):
            raise ForeignOrigin(headers.get("Origin"))
        fields = parse_qs(self.body.decode("utf-8", "replace"))
        token = fields.get("token", [None])[0]
        self._sign_in(token or "", await check_token(self, token), status=303)

    async def _another_than(self, who: Identity) -> str | None:
        """Return the signed-in user in words, if it is another one than *who*."""
        tls = client_of(self).tls
        try:
            token = login_token(self, tls=tls)
            signed_in = await self.services.authenticator.identify(token)
        except (NotAuthenticated, KeysUnavailable):
            return "another user" if mark_of_another(self, who, tls=tls) else None
        same = (signed_in.tenant, signed_in.user) == (who.tenant, who.user)
        return None if same else _words(signed_in)

    def _ask(self, token: str, who: Identity, present: str) -> None:
        # With "no-referrer" a browser sends the form with "Origin: null".
        self.set_header("Referrer-Policy", "same-origin")
        self.set_header("Content-Type", "text/html; charset=utf-8")
        words = {"present": present, "new": _words(who), "token": token}
        self.finish(_QUESTION.format(**{k: html.escape(v) for k, v in words.items()}))

    def _sign_in(self, token: str, who: Identity, *, status: int) -> None:
        if len(token) > COOKIE_CHARACTERS:
            raise BadRequest(
                f"The access token has {len(token)} characters; browsers keep cookies of up to "
                f"{COOKIE_CHARACTERS}. Ask for a token with fewer claims."
            )
        set_login(self, token, who, tls=client_of(self).tls)
        self.redirect("/", status=status)


def _words(who: Identity) -> str:
    return f"{who.user} (tenant {who.tenant})"
