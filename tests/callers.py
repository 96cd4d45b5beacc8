"""Users of a service that checks JWTs, as many as a test needs."""

import time

import jwt

from tests.raw_http import Raw

SECRET = "a-shared-secret-of-32-characters-or-more"


def caller(running, user, *roles):
    """Return what sends requests as *user* of one tenant, with role user unless others are named.

    The service must have been started with ``jwt_secret=SECRET``.
    """
    facts = {"tenant": "acme", "sub": user, "roles": roles or ["user"], "exp": time.time() + 60}
    raw = Raw(running)
    raw.headers = {"Authorization": f"Bearer {jwt.encode(facts, SECRET, 'HS256')}"}
    return raw
