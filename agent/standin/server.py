"""The stand-in's HTTP server: Gemini's REST and OpenAI's chat protocol on a loopback port.

Source: Gemini API reference, v1beta: ``models.generateContent``,
``models.streamGenerateContent``, ``models.batchEmbedContents``, ``models.list``; errors
as google.rpc.Status with RetryInfo details.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import threading
import time
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from agent.standin import openai_protocol
from agent.standin.transcript import Transcript, words_of

VERSION = "standin-1"
CHUNK_WORDS = 12
DIMENSIONS = 768
MAX_BODY = 64 * 1024 * 1024
SECONDS_TO_STOP = 0.02
SYNONYMS = {"turnover": "sales", "revenue": "sales", "clients": "customers", "held": "kept"}
"""What the stand-in's embeddings know of language."""
OPENAI_ROOT = "/openai/v1"
_ROUTE = re.compile(r"^/v1(?:beta|alpha)?/models/([^/:]+):(\w+)$")


class StandinServer:
    """A running stand-in; a context manager.

    Args:
        transcript: The replies.
        port: 0 picks a free one.
        api_key: The only valid key; ``None`` accepts any non-empty one.
        embeds: It has embeddings.
    """

    def __init__(
        self,
        transcript: Transcript,
        *,
        port: int = 0,
        api_key: str | None = None,
        embeds: bool = True,
    ) -> None:
        self.requests: list[dict[str, Any]] = []
        """The body of every request for a reply received, for tests."""
        self.embedded: list[dict[str, Any]] = []
        """The same of requests for embeddings."""
        self.embeddings: Any = None
        """What it gives in place of embeddings, for tests."""
        self.transcript = transcript
        self.api_key, self.embeds = api_key, embeds
        self._closing = threading.Event()
        standin = self

        class Handler(_Handler):
            server_state = standin

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(SECONDS_TO_STOP,), daemon=True
        )
        self._thread.start()

    @property
    def base_url(self) -> str:
        """The value for google-genai's ``http_options.base_url``."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def openai_url(self) -> str:
        """The value for ``base_url`` of OpenAI's client."""
        return self.base_url + OPENAI_ROOT

    def wait(self, seconds: float) -> None:
        """Wait for *seconds*, as a hanging service does; less if the server closes."""
        self._closing.wait(seconds)

    def close(self) -> None:
        """Stop serving."""
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> StandinServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Failure(Exception):
    def __init__(self, code: int, status: str, message: str, **details: Any) -> None:
        super().__init__(code, status, message)
        self.code, self.status, self.message, self.details = code, status, message, details


class _Handler(BaseHTTPRequestHandler):
    server_state: StandinServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # send small chunks without delay

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (http.server's name)
        """Log nothing."""

    def do_GET(self) -> None:
        """List models."""
        try:
            self._check_key()
            if not urlsplit(self.path).path.endswith("/models"):
                raise _Failure(404, "NOT_FOUND", f"{self.path} is not found.")
            if self._speaks_openai():
                self._send_json(200, {"object": "list", "data": [{"id": "standin"}]})
                return
            methods = ["generateContent", "batchEmbedContents"]
            model = {"name": "models/standin", "supportedGenerationMethods": methods}
            self._send_json(200, {"models": [model]})
        except _Failure as failure:
            self._send_failure(failure)

    def do_POST(self) -> None:
        """Answer one API method."""
        try:
            self._answer()
        except _Failure as failure:
            self._send_failure(failure)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _answer(self) -> None:
        url = urlsplit(self.path)
        body = self._read_json()
        self._check_key()
        if self._speaks_openai():
            self._answer_openai(url.path.removeprefix(OPENAI_ROOT), body)
            return
        if not (match := _ROUTE.match(url.path)):
            raise _Failure(404, "NOT_FOUND", f"{url.path} is not found.")
        model, method = match.groups()
        if method == "batchEmbedContents" and self.server_state.embeds:
            self.server_state.embedded.append(body)
            made = [_embedding(each) for each in body.get("requests", [])]
            given = self.server_state.embeddings
            self._send_json(200, {"embeddings": made if given is None else given})
            return
        if method not in ("generateContent", "streamGenerateContent"):
            raise _Failure(404, "NOT_FOUND", f"Method {method} is not found for model {model}.")
        if not body.get("contents"):
            raise _Failure(400, "INVALID_ARGUMENT", "contents are required")
        self.server_state.requests.append(body)
        reply = self._reply(body)
        if reply is None:
            return
        chunks = list(_chunks(reply, body, model))
        if method == "generateContent":
            self._send_json(200, _merged(chunks))
        elif parse_qs(url.query).get("alt") == ["sse"]:
            self._stream(chunks)
        else:
            self._send_json(200, chunks)

    def _speaks_openai(self) -> bool:
        return self.path.startswith(OPENAI_ROOT)

    def _answer_openai(self, path: str, body: dict[str, Any]) -> None:
        if path == "/embeddings":
            texts = body.get("input") or []
            data = [{"index": n, "embedding": _vector(str(t))} for n, t in enumerate(texts)]
            self._send_json(200, {"object": "list", "model": body.get("model"), "data": data})
            return
        if path != "/chat/completions":
            raise _Failure(404, "NOT_FOUND", f"{path} is not found.")
        if not body.get("messages"):
            raise _Failure(400, "INVALID_REQUEST_ERROR", "messages are required")
        self.server_state.requests.append(body)
        if (reply := self._reply(body)) is None:
            return
        if rejected := [name for name in reply.get("rejects", ()) if name in body]:
            said = f"Unsupported parameter: {rejected[0]}"
            raise _Failure(400, "UNSUPPORTED_PARAMETER", said)
        if reply.get("block_reason"):
            raise _Failure(400, "CONTENT_FILTER", "The prompt was filtered.")
        parts = list(_parts(reply))
        usage, model = _usage(body, parts), str(body.get("model"))
        chunks = list(openai_protocol.chunks(parts, reply, usage, model))
        if body.get("stream"):
            self._stream(chunks)
        else:
            self._send_json(200, openai_protocol.merged(chunks))

    def _reply(self, body: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return the reply to render; ``None`` if it was sent as raw text."""
        read = openai_protocol.words_of(body) if self._speaks_openai() else words_of(body)
        reply = self.server_state.transcript.reply_to(*read, body)
        if reply is None:
            message = f"The transcript has no reply to this request: {read[0][:200]!r}"
            raise _Failure(400, "INVALID_ARGUMENT", message)
        if seconds := reply.get("hang_seconds"):
            self.server_state.wait(float(seconds))
        if "raw" in reply:
            self._send(200, str(reply["raw"]).encode(), "text/event-stream")
            return None
        if error := reply.get("error"):
            details = {key: error[key] for key in ("retry_delay", "kind") if key in error}
            raise _Failure(error["code"], error["status"], error.get("message", ""), **details)
        return reply

    def _check_key(self) -> None:
        bearer = (self.headers.get("authorization") or "").removeprefix("Bearer ")
        key = bearer if self._speaks_openai() else str(self.headers.get("x-goog-api-key") or "")
        if not key:
            message = "Method doesn't allow unregistered callers. Please use an API key."
            raise _Failure(403, "PERMISSION_DENIED", message)
        if self.server_state.api_key not in (None, key):
            message = "API key not valid. Please pass a valid API key."
            raise _Failure(400, "INVALID_ARGUMENT", message, reason="API_KEY_INVALID")

    def _read_json(self) -> dict[str, Any]:
        length = int(self.headers.get("content-length") or 0)
        if length > MAX_BODY:
            raise _Failure(413, "INVALID_ARGUMENT", "Request payload size exceeds the limit.")
        try:
            body = json.loads(self.rfile.read(length) or b"null")
        except ValueError:
            raise _Failure(400, "INVALID_ARGUMENT", "Invalid JSON payload received.") from None
        if not isinstance(body, dict):
            raise _Failure(400, "INVALID_ARGUMENT", "Invalid JSON payload received.")
        return body

    def _stream(self, chunks: list[dict[str, Any]]) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for chunk in chunks:
            data = b"data: " + json.dumps(chunk).encode() + b"\r\n\r\n"
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def _send_failure(self, failure: _Failure) -> None:
        if self._speaks_openai():
            said = str(failure.details.get("kind") or failure.status.lower())
            body = openai_protocol.failure_body(said, failure.message)
            seconds = str(failure.details.get("retry_delay", "")).removesuffix("s")
            code = 401 if failure.details.get("reason") == "API_KEY_INVALID" else failure.code
            headers = {"retry-after": seconds} if seconds else {}
            self._send(code, json.dumps(body).encode(), "application/json", headers)
            return
        details: list[dict[str, Any]] = []
        if delay := failure.details.get("retry_delay"):
            kind = "type.googleapis.com/google.rpc.RetryInfo"
            details.append({"@type": kind, "retryDelay": delay})
        if reason := failure.details.get("reason"):
            kind = "type.googleapis.com/google.rpc.ErrorInfo"
            details.append({"@type": kind, "reason": reason, "domain": "googleapis.com"})
        error = {"code": failure.code, "message": failure.message, "status": failure.status}
        self._send_json(failure.code, {"error": {**error, "details": details}})

    def _send_json(self, status: int, value: Any) -> None:
        self._send(status, json.dumps(value).encode(), "application/json; charset=UTF-8")

    def _send(
        self, status: int, content: bytes, kind: str, headers: Mapping[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _chunks(
    reply: Mapping[str, Any], body: Mapping[str, Any], model: str
) -> Iterator[dict[str, Any]]:
    parts = list(_parts(reply))
    usage = _usage(body, parts)
    common = {"modelVersion": f"{model}-{VERSION}", "responseId": f"r-{time.time_ns():x}"}
    if reason := reply.get("block_reason"):
        yield {"promptFeedback": {"blockReason": reason}, "usageMetadata": usage, **common}
        return
    for part in parts:
        content = {"role": "model", "parts": [part]}
        yield {"candidates": [{"content": content, "index": 0}], **common}
    last = {"content": {"role": "model", "parts": []}, "index": 0}
    last["finishReason"] = reply.get("finish_reason", "STOP")
    yield {"candidates": [last], "usageMetadata": usage, **common}


def _parts(reply: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    words = re.findall(r"\S+\s*|\s+", str(reply.get("text", "")))
    for start in range(0, len(words), CHUNK_WORDS):
        yield {"text": "".join(words[start : start + CHUNK_WORDS])}
    if call := reply.get("run_code"):
        code = call["code"]
        args = {"code": code if isinstance(code, str) else "\n".join(code)}
        args |= {name: call[name] for name in ("parameters", "language") if name in call}
        seed = hashlib.sha256(args["code"].encode("utf-8", "surrogatepass")).hexdigest()
        yield {
            "functionCall": {"id": seed[:12], "name": "run_code", "args": args},
            "thoughtSignature": seed[:32],
        }
    yield from reply.get("parts", ())


def _merged(chunks: list[dict[str, Any]]) -> dict[str, Any]:
    result = dict(chunks[-1])
    parts = [
        p for c in chunks for p in c.get("candidates", [{}])[0].get("content", {}).get("parts", [])
    ]
    if "candidates" in result:
        result["candidates"] = [
            {**result["candidates"][0], "content": {"role": "model", "parts": parts}}
        ]
    return result


def _usage(body: Mapping[str, Any], parts: list[dict[str, Any]]) -> dict[str, int]:
    # A rough count is enough here: about four characters per token.
    prompt, output = len(json.dumps(body)) // 4, len(json.dumps(parts)) // 4
    return {
        "promptTokenCount": prompt,
        "candidatesTokenCount": output,
        "totalTokenCount": prompt + output,
    }


def _embedding(request: Mapping[str, Any]) -> dict[str, list[float]]:
    text = " ".join(str(p.get("text", "")) for p in request.get("content", {}).get("parts", []))
    return {"values": _vector(text, int(request.get("outputDimensionality") or DIMENSIONS))}


def _vector(text: str, size: int = DIMENSIONS) -> list[float]:
    """Hash words into a unit vector: similar texts get similar vectors, synonyms the same."""
    values = [0.0] * size
    for word in re.findall(r"\w+", text.lower()):
        digest = hashlib.sha256(SYNONYMS.get(word, word).encode()).digest()
        values[int.from_bytes(digest[:4], "big") % size] += 1.0 if digest[4] & 1 else -1.0
    norm = math.sqrt(sum(v * v for v in values)) or 1.0
    return [v / norm for v in values]
