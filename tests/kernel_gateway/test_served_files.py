"""What the service sends never runs as its own page: files of a workspace, and its headers."""

import pytest

from tests.raw_http import Raw, multipart

ACTIVE = {
    "page.html": b"<script>alert(1)</script>",
    "page.xhtml": b"<html xmlns='http://www.w3.org/1999/xhtml'/>",
    "image.svg": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
    "code.js": b"alert(1)",
    "code.mjs": b"alert(1)",
    "style.css": b"* { display: none }",
    "data.xml": b"<?xml-stylesheet href='x.xsl'?><a/>",
    "app.wasm": b"\0asm",
    "mail.mht": b"MIME-Version: 1.0",
    "old.swf": b"FWS",
    "no-ending": b"<script>alert(1)</script>",
    "twice.html.unknown": b"<script>alert(1)</script>",
    "CAPITALS.HTML": b"<script>alert(1)</script>",
}


async def served(raw, files_url, name, content):
    body, headers = multipart(("f", name, content))
    assert (await raw("POST", files_url, body, headers)).code == 201
    return await raw("GET", f"{files_url}/inputs/{name}")


@pytest.mark.parametrize("name", ACTIVE)
async def test_a_file_that_a_browser_could_run_is_only_ever_saved(raw, files_url, name):
    response = await served(raw, files_url, name, ACTIVE[name])

    assert response.body == ACTIVE[name]
    assert response.headers["Content-Type"] == "application/octet-stream"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Disposition"].startswith("attachment;")
    assert response.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("book.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        ("rows.csv", "text/csv"),
        ("chart.png", "image/png"),
        ("note.txt", "text/plain"),
        ("report.pdf", "application/pdf"),
    ],
)
async def test_a_file_that_only_shows_keeps_its_kind(raw, files_url, name, kind):
    response = await served(raw, files_url, name, b"content")

    assert response.headers["Content-Type"] == kind
    assert response.headers["Content-Disposition"].startswith("attachment;")


async def test_notebook_and_export_are_only_ever_saved(running):
    conversation = await running.conversation()
    raw = Raw(running)

    for address in (f"{conversation.url}/notebook", "/api/v1/users/local/export"):
        response = await raw("GET", address)
        assert response.headers["Content-Disposition"].startswith("attachment;")
        assert response.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"


async def test_jupyters_contents_are_json_whatever_a_cell_printed(running):
    conversation = await running.conversation()
    await conversation.execute("print('<script>alert(1)</script>')")

    response = await Raw(running)("GET", f"/api/contents/{conversation.id}/main.ipynb")

    assert b"<script>" in response.body
    assert response.headers["Content-Type"].startswith("application/json")
    assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "address", ["/", "/addin/", "/addin/favicon.svg", "/api/v1/docs", "/health", "/api", "/nowhere"]
)
async def test_every_answer_says_what_its_page_may_do(running, address):
    policy = (await Raw(running)("GET", address)).headers["Content-Security-Policy"]

    directives = {d.split()[0]: d.split()[1:] for d in policy.split(";")}
    assert directives["default-src"] == ["'self'"]
    assert directives["base-uri"] == ["'none'"]
    assert directives["form-action"] == ["'self'"]
    if address != "/addin/":  # Excel frames the pane
        assert directives["frame-ancestors"] == ["'none'"]
    assert directives["object-src"] == ["'none'"]


async def test_a_refused_websocket_is_no_page_either(running):
    address = "/api/v1/conversations/x/paths/main/events"

    response = await Raw(running)("GET", address)

    assert response.code == 404
    assert response.headers["X-Content-Type-Options"] == "nosniff"
