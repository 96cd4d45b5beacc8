"""Access tokens (JWTs) for tests, and a server that publishes their keys."""

from __future__ import annotations

import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.raw_http import Raw

SECRET = "a-shared-secret-of-32-characters-or-more"
AUDIENCE = "tallybook"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PUBLIC = KEY.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)


def claims(tenant="acme", user="ann", roles=("user",), **other):
    return {"tenant": tenant, "sub": user, "roles": list(roles), "exp": time.time() + 60, **other}


def hs256(**kwargs):
    return jwt.encode(claims(**kwargs), SECRET, "HS256")


def rs256(kid, **kwargs):
    return jwt.encode(claims(aud=AUDIENCE, **kwargs), KEY, "RS256", headers={"kid": kid})


def caller(running, token):
    raw = Raw(running)
    raw.headers = {"Authorization": f"Bearer {token}"}
    return raw


def jwk(kid):
    return {**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key())), "kid": kid}


class KeySet:
    """A server of a JWKS; its answer can be changed, and it counts who asks.

    Attributes:
        keys: The keys it publishes.
        status: The HTTP status it answers with.
        body: Sent in place of the keys when set.
    """

    def __init__(self, port=0):
        self.keys, self.status, self.body, self.asked = [], 200, None, 0
        key_set = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                key_set.asked += 1
                body = key_set.body or json.dumps({"keys": key_set.keys}).encode()
                self.send_response(key_set.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/jwks"

    def close(self):
        self._server.shutdown()
        self._server.server_close()
