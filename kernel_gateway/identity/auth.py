"""Who is calling, and what they may do: access tokens, roles, scopes."""

from __future__ import annotations

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
"""How far the issuer's clock may be ahead; a token's end counts to the second."""
GUESSABLE = 22
"""A set token with fewer characters (128 bits in base64) could be found by trying."""

ROLES: Mapping[str, frozenset[str]] = {
    "viewer": frozenset({"read"}),
    "user": frozenset({"read", "run"}),
    "reviewer": frozenset({"read", "audit"}),
    "admin": frozenset({"read", "run", "audit", "admin"}),
}
"""What each role may do: ``read`` anything of the tenant, ``run`` code and change things,
see the ``audit`` list, and ``admin``: clean up, delete and export users."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@:|+-]{0,79}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The caller.

    Attributes:
        tenant: Whose data they work with.
        user: Their name in it.
        roles: Of `ROLES`.
        expires: When their token ends, in seconds since the epoch; ``None`` for never.
    """

    tenant: str
    user: str
    roles: frozenset[str] = frozenset({"user"})
    expires: int | None = None

    def check(self, scope: str) -> None:
        """Raise `Forbidden` unless one of the roles has *scope*."""
        if not any(scope in ROLES[role] for role in self.roles):
            raise Forbidden(scope)


LOCAL = Identity(tenant="local", user="local", roles=frozenset({"admin"}))


class Authenticator:
    """Turns an access token into an identity.

    The generated local token is for a single user; with a JWT key set it counts
    only if it was set too.
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
        """Return whose *token* this is.

        Args:
            token: As it was sent; ``None`` when none was.
            suspicious: Too many wrong ones came from the same place: a token that is short
                enough to guess doesn't count.

        Raises:
            TokenWrong: It is not one that was given out for this service.
            NotAuthenticated: It is missing, has expired, or names nobody.
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
            raise TokenWrong from None  # the last two: a time that is none, such as infinity
        return self._identity(claims)

    async def _claims(self, token: str) -> dict[str, Any]:
        settings = self._settings
        algorithm = jwt.get_unverified_header(token).get("alg")
        # The algorithm decides which key is used, never the other way round: a public key
        # must not serve as an HMAC secret.
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
    """Return the token kept in *data_dir*, made on the first start, readable by its owner only."""
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
    """Compare in constant time."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())


def bearer_token(headers: Mapping[str, str]) -> str | None:
    """Return the token of an ``Authorization: Bearer`` (or Jupyter's ``token``) header."""
    scheme, _, value = headers.get("Authorization", "").partition(" ")
    return value.strip() if scheme.lower() in ("bearer", "token") and value.strip() else None


def same_origin(headers: Mapping[str, str], *, tls: bool) -> bool:
    """Whether the browser page that sent this came from the service itself.

    Browsers send ``Origin`` with every websocket and every request that changes
    something; a missing one therefore means that no foreign page is behind it.

    Args:
        headers: The request's.
        tls: Whether it came over TLS: a page that didn't could be anybody's.
    """
    origin = headers.get("Origin")
    if origin is None:
        return True
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.netloc == headers.get("Host", "") and (parts.scheme == "https" or not tls)
