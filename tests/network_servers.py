"""A real HTTP server, and an HTTPS one, on loopback; they note what they were sent."""

from __future__ import annotations

import datetime
import ipaddress
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

CSV = "region,sales\nnorth,120\nsouth,80\n"


@dataclass
class Server:
    """A listening server.

    Attributes:
        url: Its address, without a path.
        seen: (method, path, headers, body) of each request.
        released: Set to let a hanging answer end.
        pages: More of what it answers: JSON by path.
    """

    url: str
    seen: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    pages: dict[str, bytes] = field(default_factory=dict)

    @property
    def paths(self) -> list[str]:
        return [path for _, path, _, _ in self.seen]


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *arguments: object) -> None:
            """Print nothing."""

        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            server.seen.append((self.command, self.path, dict(self.headers.items()), body))
            name = self.path.partition("?")[0].strip("/").replace("/", "_").replace(".", "_")
            getattr(self, f"_{name}", self._unknown)(body)

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _answer  # noqa: N815

        def _send(self, content: bytes, kind: str = "text/plain", status: int = 200, **more: str):
            self.send_response(status)
            self.send_header("Content-Type", kind)
            for header, value in more.items():
                self.send_header(header.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def _unknown(self, body: bytes) -> None:
            page = server.pages.get(self.path)
            if page is None:
                self._send(b"nothing here", status=404)
            else:
                self._send(page, "application/json")

        def _v1_sales_csv(self, body: bytes) -> None:
            self._send(CSV.encode(), "text/csv")

        def _v1_sales_json(self, body: bytes) -> None:
            self._send(b'[{"region": "north", "sales": 120}]', "application/json")

        def _v1_table_html(self, body: bytes) -> None:
            rows = "<tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr>"
            self._send(f"<table>{rows}</table>".encode(), "text/html")

        def _v1_echo(self, body: bytes) -> None:
            facts = {"headers": dict(self.headers.items()), "body": body.decode()}
            self._send(json.dumps(facts).encode(), "application/json", X_Seen=str(len(body)))

        def _v1_count(self, body: bytes) -> None:
            self._send(str(server.paths.count(self.path)).encode())

        def _v1_away(self, body: bytes) -> None:
            where = self.path.partition("?to=")[2]
            self._send(b"", status=302, Location=where)

        def _v1_circle(self, body: bytes) -> None:
            self._send(b"", status=302, Location="/v1/circle")

        def _v1_hangs(self, body: bytes) -> None:
            server.released.wait(60)
            self._send(b"late")

        def _v1_endless(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            try:
                while True:
                    self.wfile.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
            except OSError:
                self.close_connection = True

        def _v1_says_ten_gigabytes(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(10**10))
            self.end_headers()
            self.wfile.write(b"x" * 1000)
            self.close_connection = True

    return Handler


@contextmanager
def http_server(tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """Run a server on a free port of 127.0.0.1."""
    server = Server("")
    listening = ThreadingHTTPServer(("127.0.0.1", 0), _handler(server))
    listening.daemon_threads = True
    if tls is not None:
        listening.socket = tls.wrap_socket(listening.socket, server_side=True)
    server.url = f"{'https' if tls else 'http'}://127.0.0.1:{listening.server_port}"
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.released.set()
        listening.shutdown()
        thread.join()
        listening.server_close()


def certificate(directory: Path, host: str = "127.0.0.1") -> tuple[Path, ssl.SSLContext]:
    """Make a certificate for *host*; return its file, and a server's context with it."""
    directory.mkdir(exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file, key_file = directory / "server.pem", directory / "server.key"
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, key_file)
    return file, context
