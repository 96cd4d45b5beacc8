"""Who is calling, and what they may do: access tokens, roles, scopes."""

from __future__ import annotations

import asyncio
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

from kernel_gateway.errors import Forbidden, NotAuthenticated
from kernel_gateway.settings import Settings

COOKIE = "tallybook_token"
TOKEN_FILE = "token"  # noqa: S105 (a file's name)
LEEWAY_SECONDS = 30
JWKS_SECONDS = 300
JWKS_PAUSE_SECONDS = 10.0
"""An unknown key id may be a new key, or an attack: keys are fetched no more often than this."""

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
    """

    tenant: str
    user: str
    roles: frozenset[str] = frozenset({"user"})

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
        self._jwks = (
            jwt.PyJWKClient(settings.jwt_jwks_url, lifespan=JWKS_SECONDS, timeout=10)
            if settings.jwt_jwks_url
            else None
        )
        self._asked = 0.0

    async def identify(self, token: str | None) -> Identity:
        """Return whose *token* this is.

        Raises:
            NotAuthenticated: It is missing, wrong, expired, or not for this service.
        """
        if token is None:
            raise NotAuthenticated
        if self._local is not None and token_matches(token, self._local):
            return LOCAL
        if not self._settings.checks_jwt:
            raise NotAuthenticated
        try:
            claims = await self._claims(token)
        except jwt.ExpiredSignatureError:
            raise NotAuthenticated("has expired") from None
        except (jwt.PyJWTError, ValueError):
            raise NotAuthenticated from None
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
        elif algorithm == "RS256" and self._jwks is not None:
            key = await self._published_key(token)
        if key is None or algorithm is None:
            raise NotAuthenticated
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            audience=settings.jwt_audience,
            issuer=settings.jwt_issuer,
            leeway=LEEWAY_SECONDS,
            options={"require": ["exp"], "verify_aud": settings.jwt_audience is not None},
        )
        return claims

    async def _published_key(self, token: str) -> Any:
        jwks = self._jwks
        kid = jwt.get_unverified_header(token).get("kid")
        if jwks is None or not isinstance(kid, str):
            raise NotAuthenticated
        for refresh in (False, True):
            if refresh and time.monotonic() - self._asked < JWKS_PAUSE_SECONDS:
                break
            if refresh:
                self._asked = time.monotonic()
            keys = await asyncio.to_thread(jwks.get_signing_keys, refresh=refresh)
            found = [key.key for key in keys or () if key.key_id == kid]
            if found:
                return found[0]
        raise NotAuthenticated

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
        return Identity(tenant=str(tenant), user=str(user), roles=known)


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


def same_origin(headers: Mapping[str, str]) -> bool:
    """Whether the browser page that sent this came from the service itself.

    Browsers send ``Origin`` with every websocket and every request that changes
    something; a missing one therefore means that no foreign page is behind it.
    """
    origin = headers.get("Origin")
    return origin is None or urlsplit(origin).netloc == headers.get("Host", "")
