"""Exports over the API: the page, the script, the bundle; made aside, and only ever saved."""

import json

from bs4 import BeautifulSoup

from notebooks.export.unpacked import unpacked
from notebooks.ledger.verify import verify_notebook
from tests.conftest import code_reply, exchange
from tests.raw_http import Raw

KINDS = {
    "html": ("text/html; charset=utf-8", b"<!DOCTYPE html>"),
    "py": ("text/x-python; charset=utf-8", b"#!/usr/bin/env python"),
}


async def exported(running, conversation, kind):
    return await Raw(running)("GET", f"{conversation.url}/notebook/export?to={kind}")


async def test_each_kind_is_a_file_to_save_and_the_page_names_who_asked(start_gateway):
    code = ("open('outputs/made.csv', 'w').write('a')", "print('<script>attacked(1)</script>')")
    running = await start_gateway(exchange("make", code_reply(*code), {"text": "Done."}))
    conversation = await running.conversation()
    await conversation.ask("make")

    made = {kind: await exported(running, conversation, kind) for kind in KINDS}

    for kind, (media, begin) in KINDS.items():
        response = made[kind]
        assert (response.code, response.headers["Content-Type"]) == (200, media)
        assert response.body.startswith(begin)
        assert response.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert f"{conversation.id}-main.{kind}" in response.headers["Content-Disposition"]
    page = BeautifulSoup(made["html"].body, "html.parser")
    assert page.h1.text == f"{conversation.id}-main"
    [asked] = page.select(".front tbody")[0].select("tr")
    assert [cell.text[:5] for cell in asked.select("td")][:4] == ["1", "make", "local", "Done."]
    assert not page.select("script")
    refused = await exported(running, conversation, "docx")
    assert refused.code == 400
    assert "html, pdf, py, ipynb, bundle" in json.loads(refused.body)["error"]["message"]


async def test_a_bundle_has_the_files_and_verifies(running, examples, tmp_path):
    conversation = await running.conversation(examples[0])
    await conversation.execute("open('outputs/made.csv', 'w').write('a')")

    response = await exported(running, conversation, "bundle")

    (tmp_path / "x.zip").write_bytes(response.body)
    with unpacked(tmp_path / "x.zip") as bundle:
        assert bundle.problems == ()
        assert bundle.missing == {}
        assert verify_notebook(bundle.notebook).verified
        assert (bundle.notebook.parent / "outputs" / "made.csv").read_text() == "a"
        assert (bundle.notebook.parent / "inputs" / "sales_q1.xlsx").exists()
