"""Plain HTTP against a gateway, for what a well-behaved client would never send."""

from __future__ import annotations

import json
import secrets

from tornado.httpclient import AsyncHTTPClient, HTTPRequest


class Raw:
    """Plain HTTP against a gateway, errors returned and not raised."""

    def __init__(self, running, token=None):
        self.running = running
        self.headers = {"Authorization": f"Bearer {token or running.token}"}

    async def __call__(self, method, path, body=None, headers=None):
        request = HTTPRequest(
            self.running.url + path,
            method=method,
            body=body,
            headers={**self.headers, **(headers or {})},
            allow_nonstandard_methods=True,
            request_timeout=60,
            follow_redirects=False,
        )
        return await AsyncHTTPClient().fetch(request, raise_error=False)


async def metrics(running):
    """Return every metric the service tells, by its name."""
    text = (await Raw(running)("GET", "/metrics")).body.decode()
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def error_of(response):
    error = json.loads(response.body)["error"]
    assert set(error) == {"code", "message", "hint", "details"}
    assert error["message"]
    assert error["hint"]
    assert "Traceback" not in error["message"]
    return error


def multipart(*parts):
    """Build a body from (field, file name or None, content) parts."""
    boundary = secrets.token_hex(8)
    body = b""
    for field, filename, content in parts:
        name = f'; filename="{filename}"' if filename is not None else ""
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"{name}\r\n\r\n'
        body += head.encode("utf-8", "surrogatepass") + content + b"\r\n"
    body += f"--{boundary}--\r\n".encode()
    return body, {"Content-Type": f"multipart/form-data; boundary={boundary}"}
