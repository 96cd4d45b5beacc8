"""Authentication and authorization: access tokens, roles, scopes."""

from __future__ import annotations

import base64
import hmac
import os
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt

from kernel_gateway.errors import Forbidden, NotAuthenticated, TokenWrong
from kernel_gateway.identity.published_keys import PublishedKeys
from kernel_gateway.settings import TOKEN_FILE, Settings

LEEWAY_SECONDS = 30
"""How far the issuer's clock may be ahead; a token's expiry has no leeway."""
GUESSABLE = 22
"""A configured token with fewer characters (128 bits in base64) could be guessed."""

ROLES: Mapping[str, frozenset[str]] = {
    "viewer": frozenset({"read"}),
    "user": frozenset({"read", "run", "rerun", "undo"}),
    "reviewer": frozenset({"read", "rerun", "undo", "audit", "review"}),
    "admin": frozenset({"read", "run", "rerun", "undo", "audit", "review", "admin"}),
}
"""What each role may do: ``read`` anything of the tenant, ``run`` code and change things,
``rerun`` notebooks aside, ``undo`` what was done, see the ``audit`` list, ``review`` notebooks,
and ``admin``: clean up, delete and export users."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@:|+-]{0,79}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The caller.

    Attributes:
        tenant: The tenant whose data they work with.
        user: Their name in the tenant.
        roles: Names from `ROLES`.
        expires: When their token expires, in seconds since the epoch; ``None`` for never.
    """

    tenant: str
    user: str
    roles: frozenset[str] = frozenset({"user"})
    expires: int | None = None

    @property
    def scopes(self) -> frozenset[str]:
        """What the roles let them do."""
        return frozenset().union(*(ROLES[role] for role in self.roles))

    def check(self, scope: str) -> None:
        """Raise `Forbidden` unless one of the roles has *scope*."""
        if scope not in self.scopes:
            raise Forbidden(scope)


LOCAL = Identity(tenant="local", user="local", roles=frozenset({"admin"}))


class Authenticator:
    """Turns an access token into an identity.

    The local token is for a single user. If JWT keys are configured, it is accepted only if it is
    configured too: a generated one is not.
    """

    def __init__(self, settings: Settings, local_token: str) -> None:
        self._settings = settings
        self._local = None if settings.checks_jwt and not settings.token else local_token
        self._guessable = self._local is not None and len(self._local) < GUESSABLE
        self._published = (
            PublishedKeys(
                settings.jwt_jwks_url,
                seconds=settings.jwt_jwks_seconds,
                pause_seconds=settings.jwt_jwks_pause_seconds,
            )
            if settings.jwt_jwks_url
            else None
        )

    async def identify(self, token: str | None, *, suspicious: bool = False) -> Identity:
        """Return the identity of *token*.

        Args:
            token: As it was sent; ``None`` if none was.
            suspicious: Too many wrong tokens came from the same address: refuse a local token
                that is short enough to guess.

        Raises:
            TokenWrong: It was not issued for this service.
            NotAuthenticated: It is missing, has expired, or names no tenant or user.
            KeysUnavailable: The key to check it with can't be fetched.
        """
        if token is None:
            raise NotAuthenticated
        if (
            self._local is not None
            and token_matches(token, self._local)
            and not (suspicious and self._guessable)
        ):
            return LOCAL
        if not self._settings.checks_jwt:
            raise TokenWrong
        try:
            claims = await self._claims(token)
        except jwt.ExpiredSignatureError:
            raise NotAuthenticated("has expired") from None
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError):
            raise TokenWrong from None  # the last two: an invalid time, such as infinity
        return self._identity(claims)

    async def _claims(self, token: str) -> dict[str, Any]:
        settings = self._settings
        algorithm = jwt.get_unverified_header(token).get("alg")
        # Choose the key by algorithm, never the reverse: a public key must not be used as an
        # HMAC secret.
        key: Any = None
        if algorithm == "HS256" and settings.jwt_secret:
            key = settings.jwt_secret
        elif algorithm == "RS256" and settings.jwt_public_key:
            key = settings.jwt_public_key
        elif algorithm == "RS256" and self._published is not None:
            kid = jwt.get_unverified_header(token).get("kid")
            key = await self._published.key(kid) if isinstance(kid, str) else None
        if key is None or algorithm is None:
            raise TokenWrong
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            audience=settings.jwt_audience,
            issuer=settings.jwt_issuer,
            leeway=LEEWAY_SECONDS,
            options={"require": ["exp"], "verify_aud": settings.jwt_audience is not None},
        )
        if int(claims["exp"]) <= time.time():
            raise jwt.ExpiredSignatureError
        return claims

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        settings = self._settings
        tenant, user = claims.get(settings.jwt_tenant_claim), claims.get(settings.jwt_user_claim)
        roles = claims.get(settings.jwt_roles_claim, ())
        given = roles.split() if isinstance(roles, str) else roles
        if not isinstance(given, list | tuple):
            raise NotAuthenticated("names its roles in a way that is not understood")
        for name in (tenant, user):
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                raise NotAuthenticated("does not name a tenant and a user")
        known = frozenset(role for role in given if role in ROLES)
        return Identity(tenant=str(tenant), user=str(user), roles=known, expires=int(claims["exp"]))


def load_or_create_token(data_dir: Path) -> str:
    """Return the token in *data_dir*; create it on the first start, readable by its owner only."""
    file = data_dir / TOKEN_FILE
    if file.exists():
        token = file.read_text(encoding="ascii").strip()
        if token:
            return token
    token = secrets.token_urlsafe(32)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as out:
        out.write(token)
    return token


def token_matches(given: str, expected: str) -> bool:
    """Compare two tokens in constant time."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())


def bearer_token(headers: Mapping[str, str]) -> str | None:
    """Return the token of an ``Authorization: Bearer`` (or Jupyter's ``token``) header."""
    scheme, _, value = headers.get("Authorization", "").partition(" ")
    return value.strip() if scheme.lower() in ("bearer", "token") and value.strip() else None


EVENTS_PROTOCOL = "tallybook.events"
TOKEN_PROTOCOL = "tallybook.token."  # noqa: S105 (a prefix)


def protocol_token(headers: Mapping[str, str]) -> str | None:
    """Return the token that a page offers as a websocket's subprotocol, if there is one.

    A page can't set headers of a websocket, and its frame in Excel may get no cookie. An address
    would be kept in logs and histories. So it offers `EVENTS_PROTOCOL`, which the service selects,
    and ``tallybook.token.`` with the token in base64url, without padding.
    """
    for part in headers.get("Sec-WebSocket-Protocol", "").split(","):
        if (offered := part.strip()).startswith(TOKEN_PROTOCOL):
            coded = offered.removeprefix(TOKEN_PROTOCOL)
            try:
                return base64.urlsafe_b64decode(coded + "=" * (-len(coded) % 4)).decode()
            except ValueError:
                return ""  # a token, and a wrong one
    return None


def same_origin(headers: Mapping[str, str], *, tls: bool) -> bool:
    """Whether the request was not sent by a foreign page.

    Browsers send ``Origin`` with every websocket and every changing request, so a request
    without it comes from no foreign page.

    Args:
        headers: The request's headers.
        tls: Whether the request came over TLS; then the page must have too, as an attacker on
            the network can forge a page sent without.
    """
    origin = headers.get("Origin")
    if origin is None:
        return True
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.netloc == headers.get("Host", "") and (parts.scheme == "https" or not tls)
