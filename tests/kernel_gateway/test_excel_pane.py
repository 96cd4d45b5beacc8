"""The task pane in Excel: its manifest, its headers, its sign-in, and the service's own TLS."""

import base64
import re
import ssl
import struct
import uuid
import xml.etree.ElementTree as ET
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

from kernel_gateway.cli import cli
from kernel_gateway.http.manifest import ManifestNeedsHttps, make_manifest
from kernel_gateway.settings import Settings, SettingsInvalid
from kernel_gateway.terminal.client import path_url
from kernel_gateway.tls import make_self_signed, server_context
from tests.raw_http import Raw, error_of

APP = "{http://schemas.microsoft.com/office/appforoffice/1.1}"
BASIC = "{http://schemas.microsoft.com/office/officeappbasictypes/1.0}"
COMMANDS = "{http://schemas.microsoft.com/office/taskpaneappversionoverrides}"
TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
ORDER = [
    "Id", "Version", "ProviderName", "DefaultLocale", "DisplayName", "Description", "IconUrl",
    "HighResolutionIconUrl", "SupportUrl", "AppDomains", "Hosts", "Requirements",
    "DefaultSettings", "Permissions", "VersionOverrides",
]  # fmt: skip
"""The sequence in which the schema wants the children of OfficeApp."""
LONGEST = {"ShortStrings": 125, "LongStrings": 250}
OVER_TLS = {"X-Forwarded-Proto": "https", "Host": "books.example:8443"}


def pem_files(directory: Path, names=("localhost",), stem="service"):
    certificate, key = directory / f"{stem}-cert.pem", directory / f"{stem}-key.pem"
    for file, content in zip((certificate, key), make_self_signed(list(names)), strict=True):
        file.write_bytes(content)
    return certificate, key


def directives(response):
    parts = (part.split() for part in response.headers["Content-Security-Policy"].split(";"))
    return {name: values for name, *values in parts}


@pytest.fixture
def page(running):
    raw = Raw(running)
    raw.headers = {}
    return raw


# the manifest


def test_the_manifest_follows_the_schema():
    app = ET.fromstring(make_manifest("https://books.example"))
    names = [child.tag.rpartition("}")[2] for child in app]
    overrides = app.find(f"{COMMANDS}VersionOverrides")

    assert app.tag == f"{APP}OfficeApp"
    assert app.get(TYPE) == "TaskPaneApp"
    assert names == [name for name in ORDER if name in names]
    assert {*names} >= {*ORDER} - {"AppDomains"}
    assert uuid.UUID(app.findtext(f"{APP}Id"))
    assert re.fullmatch(r"\d+(\.\d+){3}", app.findtext(f"{APP}Version"))
    assert len(app.find(f"{APP}DisplayName").get("DefaultValue")) <= 125
    assert len(app.find(f"{APP}Description").get("DefaultValue")) <= 250
    assert app.findtext(f"{APP}Permissions") == "ReadWriteDocument"
    assert [host.get("Name") for host in app.iter(f"{APP}Host")] == ["Workbook"]
    assert overrides.get(TYPE) == "VersionOverridesV1_0"
    (form,) = overrides.iter(f"{COMMANDS}DesktopFormFactor")
    assert [child.tag.rpartition("}")[2] for child in form] == [
        "GetStarted", "FunctionFile", "ExtensionPoint",
    ]  # fmt: skip


def test_every_resource_of_the_manifest_is_defined_once_and_used():
    app = ET.fromstring(make_manifest("https://books.example"))
    resources = app.find(f".//{COMMANDS}Resources")
    defined = [each.get("id") for group in resources for each in group]

    assert [group.tag.rpartition("}")[2] for group in resources] == [
        "Images", "Urls", "ShortStrings", "LongStrings",
    ]  # fmt: skip
    assert len(defined) == len({*defined})
    assert {*defined} == {each.get("resid") for each in app.iter() if each.get("resid")}
    assert all(len(name) <= 32 for name in defined)
    for group in resources:
        most = LONGEST.get(group.tag.rpartition("}")[2], 2048)
        assert all(0 < len(each.get("DefaultValue")) <= most for each in group)


def test_every_command_has_the_three_icons_that_excel_wants():
    app = ET.fromstring(make_manifest("https://books.example"))

    for icon in app.iter(f"{COMMANDS}Icon"):
        assert [image.get("size") for image in icon] == ["16", "32", "80"]
        assert {image.tag for image in icon} == {f"{BASIC}Image"}


@pytest.mark.parametrize("address", ["https://localhost:8765", "https://[::1]:8765/"])
def test_the_manifest_names_one_address_only(address):
    text = make_manifest(address)

    found = {urlsplit(url).netloc for url in re.findall(r'DefaultValue="(https?:[^"]+)"', text)}
    assert found == {urlsplit(address).netloc}
    assert "http:" not in re.sub(r'xmlns(:\w+)?="[^"]+"', "", text)


def test_two_services_have_two_panes_and_one_keeps_its_own():
    ids = [
        ET.fromstring(make_manifest(address)).findtext(f"{APP}Id")
        for address in ("https://a.example", "https://b.example", "https://a.example")
    ]

    assert ids[0] == ids[2] != ids[1]


@pytest.mark.parametrize(
    "address",
    [
        "https://", "https://a.example/sub", "https://user@a.example", "https://a.example?x=1",
        'https://a"b', "https://a<b>", "https://a{b}.example", "https://a b",
    ],
)  # fmt: skip
def test_an_address_that_is_more_than_a_host_gets_no_manifest(address):
    with pytest.raises(ValueError, match="is not like https://HOST"):
        make_manifest(address)


def test_an_address_without_tls_gets_no_manifest():
    with pytest.raises(ManifestNeedsHttps, match=r"https only.*http://a\.example"):
        make_manifest("http://a.example")


async def test_the_manifest_has_the_address_it_was_asked_for_at(page):
    response = await page("GET", "/addin/manifest.xml", headers=OVER_TLS)

    assert response.body.decode() == make_manifest("https://books.example:8443")
    assert response.headers["Content-Type"].startswith("application/xml")


async def test_without_tls_the_manifest_is_refused_with_the_way_out(page):
    response = await page("GET", "/addin/manifest.xml")

    assert response.code == 409
    assert error_of(response)["code"] == "manifest-needs-https"
    assert "--tls-cert" in error_of(response)["hint"]


async def test_what_the_manifest_names_is_there(page):
    text = make_manifest("https://books.example")
    addresses = {*re.findall(r'DefaultValue="https://books\.example([^"]+)"', text)}
    icons = {address for address in addresses if address.endswith(".png")}

    assert len(icons) == 4
    for address in addresses:
        response = await page("GET", address)
        assert response.code == 200
        if address in icons:
            pixels = int(address.partition("icon-")[2].partition(".")[0])
            assert struct.unpack(">II", response.body[16:24]) == (pixels, pixels)
            assert response.headers["Content-Type"] == "image/png"
            assert response.headers["Cross-Origin-Resource-Policy"] == "cross-origin"


# who may frame the page, and which scripts run in it


async def test_only_the_pane_may_be_framed_and_only_by_excel(page):
    pane = await page("GET", "/addin/?host=excel")

    policy = directives(pane)
    assert "X-Frame-Options" not in pane.headers
    assert "https://*.officeapps.live.com" in policy["frame-ancestors"]
    assert all(host.startswith("https://") for host in policy["frame-ancestors"])
    assert policy["script-src"] == ["'self'", "https://appsforoffice.microsoft.com"]


@pytest.mark.parametrize(
    "address", ["/", "/?host=excel", "/addin/?token=wrong", "/addin/none.js", "/addin/icon-16.png"]
)
async def test_everything_else_is_as_strict_as_before(page, address):
    response = await page("GET", address)

    assert response.headers["X-Frame-Options"] == "DENY"
    assert directives(response)["frame-ancestors"] == ["'none'"]
    assert "microsoft" not in response.headers["Content-Security-Policy"]


async def test_a_link_that_changes_the_user_is_never_asked_about_in_a_frame(start_gateway):
    running = await start_gateway([])
    raw = Raw(running)
    raw.headers = {"Cookie": "tallybook_user=another"}

    response = await raw("GET", f"/addin/?token={running.token}")

    assert b"Change the user?" in response.body
    assert directives(response)["frame-ancestors"] == ["'none'"]


# signing in where no cookie arrives


def coded(token):
    return base64.urlsafe_b64encode(token.encode()).decode().rstrip("=")


async def follow(running, *protocols, origin=None):
    made = await running.client.post("/api/v1/conversations", {})
    address = running.url.replace("http", "ws", 1) + path_url(made["id"]) + "/events"
    headers = {"Origin": origin} if origin else {}
    return await websocket_connect(
        HTTPRequest(address, headers=headers), subprotocols=list(protocols)
    )


async def test_a_socket_may_offer_its_token_and_the_answer_does_not_repeat_it(running):
    socket = await follow(running, "tallybook.events", f"tallybook.token.{coded(running.token)}")

    assert socket.selected_subprotocol == "tallybook.events"
    socket.close()


@pytest.mark.parametrize("offered", ["", "!!", coded("wrong"), coded("é")])
async def test_a_socket_with_a_wrong_token_is_refused(running, offered):
    with pytest.raises(HTTPClientError) as refused:
        await follow(running, "tallybook.events", f"tallybook.token.{offered}")

    assert refused.value.code == 401


async def test_a_foreign_page_with_a_token_still_gets_no_socket(running):
    with pytest.raises(HTTPClientError) as refused:
        await follow(
            running,
            "tallybook.events",
            f"tallybook.token.{coded(running.token)}",
            origin="https://foreign.example",
        )

    assert refused.value.code == 403


# the service's own TLS


async def test_with_a_certificate_the_service_speaks_https(start_gateway, tmp_path):
    certificate, key = pem_files(tmp_path, ["127.0.0.1"])
    ours = ssl.create_default_context(cafile=certificate)
    settings = Settings(tls_cert=certificate, tls_key=key)

    running = await start_gateway([], tls_cert=settings.tls_cert, tls_key=settings.tls_key)
    request = HTTPRequest(f"{running.url}/addin/manifest.xml", ssl_options=ours)
    response = await AsyncHTTPClient().fetch(request)

    assert running.url.startswith("https://127.0.0.1:")
    assert response.body.decode() == make_manifest(running.url)


async def test_over_its_own_tls_the_login_cookie_is_secure(start_gateway, tmp_path):
    certificate, key = pem_files(tmp_path, ["127.0.0.1"])
    running = await start_gateway([], tls_cert=certificate, tls_key=key)

    request = HTTPRequest(
        f"{running.url}/?token={running.token}",
        ssl_options=ssl.create_default_context(cafile=certificate),
        follow_redirects=False,
    )
    response = await AsyncHTTPClient().fetch(request, raise_error=False)

    cookie = response.headers.get_list("Set-Cookie")[0]
    assert cookie.startswith("__Host-tallybook_token=")
    assert "Secure" in cookie


def test_certificate_and_key_are_wanted_together(tmp_path):
    certificate, key = pem_files(tmp_path)

    with pytest.raises(SettingsInvalid, match="--tls-key FILE"):
        server_context(certificate, None)
    with pytest.raises(SettingsInvalid, match="--tls-cert FILE"):
        server_context(None, key)
    assert server_context(None, None) is None


def encrypted_key(directory):
    from cryptography.hazmat.primitives import serialization as s

    key = s.load_pem_private_key(make_self_signed(["localhost"])[1], None)
    file = directory / "encrypted.pem"
    kind = s.BestAvailableEncryption(b"secret")
    file.write_bytes(key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, kind))
    return file


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda d, c, k: (d / "none.pem", k), "tls_cert .*none.pem can't be read: No such file"),
        (lambda d, c, k: (c, d), "tls_key .* can't be read: Is a directory"),
        (lambda d, c, k: (k, k), "holds no certificate in PEM form"),
        (lambda d, c, k: (c, c), "holds no private key in PEM form"),
        (lambda d, c, k: (c, pem_files(d, stem="other")[1]), "does not belong to the certificate"),
        (lambda d, c, k: (c, encrypted_key(d)), "is encrypted"),
    ],
    ids=["missing", "directory", "key as certificate", "certificate as key", "foreign", "locked"],
)
def test_unfit_files_are_named_with_the_reason(tmp_path, make, words):
    files = make(tmp_path, *pem_files(tmp_path))

    with pytest.raises(SettingsInvalid, match=words):
        server_context(*files)


def test_a_damaged_certificate_is_named(tmp_path):
    certificate, key = pem_files(tmp_path)
    certificate.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")

    with pytest.raises(SettingsInvalid, match=f"{certificate}.*can't be used"):
        server_context(certificate, key)


def test_serve_says_in_one_line_that_a_file_is_missing(tmp_path):
    arguments = ["serve", "--tls-cert", "none.pem", "--tls-key", "none.pem", "--data-dir"]
    done = CliRunner().invoke(cli, [*arguments, str(tmp_path / "data")])

    assert done.exit_code == 1
    assert done.output.count("Error: Setting tls_cert") == 1
    assert not (tmp_path / "data" / "tallybook.db").exists()


# the command


def test_the_command_prints_the_same_manifest_as_the_service():
    done = CliRunner().invoke(cli, ["addin", "manifest", "--url", "https://books.example"])

    assert done.output == make_manifest("https://books.example")


@pytest.mark.parametrize(
    "url", ["http://a.example", "a.example", "https://a.example/x", "https://["]
)
def test_the_command_refuses_an_unfit_address_in_one_line(url):
    done = CliRunner().invoke(cli, ["addin", "manifest", "--url", url])

    assert done.exit_code == 1
    assert done.output.startswith("Error: ")
    assert "https" in done.output


@pytest.mark.parametrize("platform", ["windows", "mac", "web"])
def test_sideloading_writes_the_manifest_and_says_what_to_do(platform, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    done = CliRunner().invoke(cli, ["addin", "sideload", "--platform", platform])

    file = tmp_path / "tallybook-manifest.xml"
    assert done.exit_code == 0
    assert file.read_text() == make_manifest("https://localhost:8765")
    assert str(file) in done.output


def test_made_certificates_serve_and_an_existing_key_is_never_overwritten(tmp_path):
    arguments = ["addin", "certs", "--directory", str(tmp_path / "tls"), "--platform", "mac"]
    done = CliRunner().invoke(cli, arguments)
    again = CliRunner().invoke(cli, arguments)

    certificate, key = tmp_path / "tls" / "cert.pem", tmp_path / "tls" / "key.pem"
    assert done.exit_code == 0
    assert "tallybook serve --tls-cert" in done.output
    assert server_context(certificate, key) is not None
    assert key.stat().st_mode & 0o077 == 0
    assert again.exit_code == 1
    assert "exists" in again.output
