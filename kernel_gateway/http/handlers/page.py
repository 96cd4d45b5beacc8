"""The web page, built from ``addin/``, and the sign-in of browsers."""

from __future__ import annotations

import functools
import gzip
import html
import secrets
from importlib import resources
from urllib.parse import parse_qs

from kernel_gateway.errors import (
    BadRequest,
    ForeignOrigin,
    KeysUnavailable,
    NotAuthenticated,
    NotFound,
)
from kernel_gateway.http.json_handler import (
    PAGE_POLICY,
    JsonHandler,
    check_token,
    client_of,
)
from kernel_gateway.http.login_cookies import login_token, mark_of_another, set_login
from kernel_gateway.http.manifest import make_manifest
from kernel_gateway.identity.auth import Identity, same_origin

BUILT = resources.files("kernel_gateway.http") / "addin"
NONCE = "NONCE-OF-THIS-ANSWER"
"""What the built page has in place of the nonce; addin/vite.config.ts puts it there."""
STYLES = "style-src 'self' 'nonce-{nonce}'"
"""Fluent UI makes its style sheets in the browser: they need the nonce. Scripts are files only."""
KINDS = {
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
}
PANE_PATH = "/addin/"
OFFICE_SCRIPTS = "https://appsforoffice.microsoft.com"
"""Where Office.js is, and nowhere else: Microsoft asks add-ins to load it from there."""
EXCEL_ON_THE_WEB = (
    "https://*.officeapps.live.com https://*.office.com https://*.sharepoint.com "
    "https://*.cloud.microsoft https://onedrive.live.com"
)
"""Hosts whose pages frame the pane: every ancestor is checked, the workbook's site and the Excel
editor in it. Sources: OfficeDev/office-js-docs-pr issue 4911; OfficeDev/office-js issue 3342."""
FOREVER = "public, max-age=31536000, immutable"
_QUESTION = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Tallybook: change the user?</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/addin/plain.css"></head>
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

    The page itself holds nothing of anybody, so it is sent to all; who has not signed in is asked
    for a token by it.

    A link must not replace the signed-in user: an attacker could have written it, and would get
    the user's next uploads. So a page asks first, and only a form sent by that page is accepted.
    """

    public = True

    async def get(self) -> None:
        if (token := self.get_query_argument("token", None)) is not None:
            who = await check_token(self, token)
            present = await self._another_than(who)
            if present is None:
                self._sign_in(token, who, status=302)
            else:
                self._ask(token, who, present)
            return
        nonce = secrets.token_urlsafe(16)
        policy = f"{PAGE_POLICY}; {STYLES.format(nonce=nonce)}"
        if self.request.path == PANE_PATH:
            policy = _framed_by_excel(policy)
            self.clear_header("X-Frame-Options")  # it can't name hosts
        self.set_header("Content-Security-Policy", policy)
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish(_index().replace(NONCE, nonce))

    async def post(self) -> None:
        """Change the user, as confirmed by the form of `_ask`; or sign in, from the page."""
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


class AssetHandler(JsonHandler):
    """``/addin/…``: a file that belongs to the page."""

    public = True

    async def get(self, name: str) -> None:
        found = _assets().get(name)
        if found is None:
            raise NotFound("address", self.request.path)
        plain, packed = found
        self.set_header("Content-Type", KINDS[name.rpartition(".")[2]])
        if name.startswith("icon-"):  # shown by Excel on the web, which is another site
            self.set_header("Cross-Origin-Resource-Policy", "cross-origin")
        self.set_header("Vary", "Accept-Encoding")
        if name.startswith("assets/"):  # their names hold a hash of their content
            self.set_header("Cache-Control", FOREVER)
        if "gzip" in self.request.headers.get("Accept-Encoding", ""):
            self.set_header("Content-Encoding", "gzip")
            self.finish(packed)
        else:
            self.finish(plain)


class ManifestHandler(JsonHandler):
    """``/addin/manifest.xml``: has Excel open the pane at the address it was asked for at."""

    public = True

    async def get(self) -> None:
        scheme = "https" if client_of(self).tls else "http"
        try:
            manifest = make_manifest(f"{scheme}://{self.request.host}")
        except ValueError as error:
            raise BadRequest(str(error)) from None
        self.set_header("Content-Type", "application/xml; charset=utf-8")
        self.set_header("Content-Disposition", 'attachment; filename="tallybook-manifest.xml"')
        self.finish(manifest)


def _framed_by_excel(policy: str) -> str:
    """Return *policy* with Excel on the web as a frame, and with Office.js."""
    framed = policy.replace("frame-ancestors 'none'", f"frame-ancestors {EXCEL_ON_THE_WEB}")
    return f"{framed}; script-src 'self' {OFFICE_SCRIPTS}"


# Read once, as the other files: after an upgrade the old page must not name new files.
@functools.cache
def _index() -> str:
    return (BUILT / "index.html").read_text("utf-8")


@functools.cache
def _assets() -> dict[str, tuple[bytes, bytes]]:
    """Return the built files, as they are and packed, by name."""
    files = {file.name: file for file in BUILT.iterdir() if file.is_file()}
    files |= {f"assets/{file.name}": file for file in (BUILT / "assets").iterdir()}
    return {
        name: (content, gzip.compress(content, mtime=0))
        for name, file in files.items()
        if name.rpartition(".")[2] in KINDS
        for content in (file.read_bytes(),)
    }


def _words(who: Identity) -> str:
    return f"{who.user} (tenant {who.tenant})"
