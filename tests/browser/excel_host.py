"""Excel on the web, as far as a browser sees it: a page that frames the pane, and Office.js.

The browser takes the hosts of Excel and of Office.js for a server of the test.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, urlsplit

from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from kernel_gateway.tls import make_self_signed
from tests.browser import chromium
from tests.browser.pane import Pane

EXCEL, FOREIGN = "https://excel.officeapps.live.com", "https://excel.foreign.example"
HOSTS = ("*.officeapps.live.com", "*.foreign.example", "appsforoffice.microsoft.com")


def make_certificate(directory: Path) -> list[Path]:
    """Return certificate and key for 127.0.0.1."""
    files = [directory / name for name in ("cert.pem", "key.pem")]
    for file, content in zip(files, make_self_signed(["127.0.0.1"]), strict=True):
        file.write_bytes(content)
    return files


@contextmanager
def excel_host(certificate: list[Path], office_js: str) -> Iterator[Chrome]:
    """Yield a browser in which *office_js* is Office.js, and Excel frames what it is asked for."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            framed = parse_qs(urlsplit(self.path).query).get("frame", [""])[0]
            script = self.path.endswith("office.js")
            style = "display:block;border:0;width:100vw;height:100vh"
            page = f'<!doctype html><body style="margin:0"><iframe src="{framed}" style="{style}">'
            body = (office_js if script else page).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/javascript" if script else "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    Thread(target=server.serve_forever, daemon=True).start()
    rules = ", ".join(f"MAP {host} 127.0.0.1:{server.server_port}" for host in HOSTS)
    try:
        with chromium.browser(
            f"--host-resolver-rules={rules}", "--ignore-certificate-errors"
        ) as driver:
            driver.set_script_timeout(60)
            yield driver
    finally:
        server.shutdown()
        server.server_close()


def framed_by(browser: Chrome, page: str, address: str) -> Pane:
    """Open *page* with a frame of *address*, and go into the frame."""
    browser.switch_to.default_content()
    browser.get(f"{page}/?frame={address}")
    browser.switch_to.frame(browser.find_element(By.TAG_NAME, "iframe"))
    return Pane(browser)
