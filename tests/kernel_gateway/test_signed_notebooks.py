"""A service signs its notebooks; its keys, its event log and reviewers speak for them."""

import json
import os
import shutil
import stat
import zipfile

import pytest
from click.testing import CliRunner

from kernel_gateway.cli import cli
from kernel_gateway.contexts.signing_keys import open_key_ring
from kernel_gateway.settings import Settings, SettingsInvalid
from kernel_gateway.terminal.client import GatewayClient, path_url
from kernel_gateway.wiring import open_gateway
from notebooks.ledger.signing import KeyRing
from notebooks.ledger.statement import attester_of
from notebooks.record.chain import KEY
from notebooks.record.document import linked, notebook_bytes
from notebooks.record.reading import read_notebook
from tests.branching import branch
from tests.callers import SECRET, caller
from tests.raw_http import Raw

WRITE = "import pathlib\npathlib.Path('outputs/a.csv').write_text('a,b\\n1,2\\n')"


async def verification(conversation):
    url = path_url(conversation.id, conversation.key.path) + "/notebook/verification"
    return await conversation.running.client.get(url)


def run(*arguments):
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


async def test_a_downloaded_notebook_verifies_with_the_published_key_alone(start_gateway, tmp_path):
    running = await start_gateway([])
    conversation = await running.conversation()
    await conversation.execute(WRITE)
    keys = await running.client.get("/api/v1/keys")
    (tmp_path / "keys.json").write_text(json.dumps(keys))
    home = running.home(conversation.id)
    shutil.copy(home / "notebook.ipynb", tmp_path / "x.ipynb")
    shutil.copytree(home / "workspace" / "outputs", tmp_path / "outputs")

    verified = run("verify", tmp_path / "x.ipynb", "--key", tmp_path / "keys.json")
    (tmp_path / "outputs" / "a.csv").write_text("a,b\n1,3\n")
    changed = run("verify", tmp_path / "x.ipynb", "--key", tmp_path / "keys.json")

    assert verified.exit_code == 0, verified.output
    assert "file outputs/a.csv: as recorded" in verified.output
    assert f"by the key {keys['keys'][-1]['id']}, which you gave" in verified.output
    assert changed.exit_code == 1
    assert "outputs/a.csv beside it is not the recorded file" in changed.output


async def test_the_signing_key_is_in_no_workspace_and_no_notebook(start_gateway):
    running = await start_gateway([])
    conversation = await running.conversation()
    data = running.gateway.services.settings.data_dir
    private = (data / "keys" / "signing.pem").read_text()
    await conversation.execute(WRITE)
    seen = "import pathlib\nprint(sorted(p.name for p in pathlib.Path('.').rglob('*')))"

    printed = await conversation.printed(seen)

    assert "a.csv" in printed
    assert "signing" not in printed
    assert stat.S_IMODE((data / "keys" / "signing.pem").stat().st_mode) == 0o600
    assert private.splitlines()[1] not in conversation.notebook.read_text()


async def test_the_service_finds_what_somebody_with_the_key_removed_or_added(start_gateway):
    running = await start_gateway([])
    conversation = await running.conversation()
    for code in ("x = 1", "x + 1", "x + 2"):
        await conversation.execute(code)
    before = await verification(conversation)
    ring, file = running.gateway.services.signing_keys, conversation.notebook
    original = file.read_bytes()

    async def tampered(change):
        notebook = read_notebook(file)
        change(notebook)
        sign_anew(notebook, ring)
        file.write_bytes(notebook_bytes(notebook))
        found = await verification(conversation)
        file.write_bytes(original)
        return found

    removed = await tampered(lambda n: n.cells.pop(1))
    moved = await tampered(lambda n: n.cells.insert(0, n.cells.pop(1)))
    changed = await tampered(lambda n: n.cells[1].update(source="x = 9"))
    added = await tampered(lambda n: n.cells.append({**n.cells[0], "id": "added"}))

    assert before["verified"], before
    assert before["signature"]["trusted"]
    for found, said in (
        (removed, "cell 2 of the audit list"),
        (moved, "it was moved"),
        (changed, "it was changed"),
        (added, "it was added"),
    ):
        assert not found["verified"]
        assert found["signature"]["valid"]
        assert said in found["problems"][0]["what"]
        assert "signing key" in found["problems"][0]["by"]


def sign_anew(notebook, ring):
    """Make the chain and all signatures anew, as somebody with the service's key could."""
    import nbformat

    from notebooks.record.chain import seal

    attester, prev, cells = attester_of(ring), "0" * 64, []
    for cell in notebook.cells:
        made = linked(nbformat.from_dict(json.loads(json.dumps(cell))), prev, attester)
        prev = made.metadata[KEY]["hash"]
        cells.append(made)
    notebook.cells = cells
    facts = notebook.metadata[KEY]
    facts["head"], facts["cells"] = prev, len(cells)
    facts["seal"] = seal(notebook)
    facts.update(attester.attest(notebook))


async def test_branches_restarts_and_undos_agree_with_the_event_log(start_gateway):
    running = await start_gateway([])
    conversation = await running.conversation()
    await conversation.execute("x = 1")
    await conversation.execute("x = 2")
    _, made = await branch(running, conversation)
    await made.execute("x + 1")
    await running.client.post(conversation.url + "/history/undo", {"confirm": True})

    for each in (conversation, made):
        found = await verification(each)
        assert found["verified"], found["problems"]
        assert found["cells"] > 1


async def test_after_a_restart_of_the_service_the_notebook_still_agrees(tmp_path):
    settings = Settings(port=0, data_dir=tmp_path / "data", warm_kernels=0)
    body, found = {"code": "x = 1"}, []

    for code in ("x = 2", "x = 3"):
        async with open_gateway(settings) as gateway:
            client = GatewayClient(gateway.url, gateway.services.token)
            made = await client.post("/api/v1/execute", body)
            url = path_url(made["conversation"]) + "/notebook/verification"
            found.append(await client.get(url))
            client.close()
        body = {"code": code, "conversation": made["conversation"]}

    assert [(f["verified"], f["problems"], f["cells"]) for f in found] == [
        (True, [], 1),
        (True, [], 2),
    ]


async def test_a_reviewer_signs_off_and_nobody_else(start_gateway):
    running = await start_gateway([], jwt_secret=SECRET)
    ann, rita = caller(running, "ann"), caller(running, "rita", "reviewer")
    code = json.dumps({"code": "x = 1"})
    made = json.loads((await ann("POST", "/api/v1/execute", code)).body)["conversation"]
    url = f"/api/v1/conversations/{made}/paths/main/notebook"

    refused = await ann("POST", url + "/sign-off", "{}")
    empty = await rita("POST", url + "/sign-off", json.dumps({"kind": "review-note"}))
    noted = await rita(
        "POST", url + "/sign-off", json.dumps({"kind": "review-note", "note": "why?"})
    )
    signed = await rita("POST", url + "/sign-off", json.dumps({"note": "fine"}))
    report = json.loads((await ann("GET", url + "/verification")).body)
    audit = json.loads((await rita("GET", f"/api/v1/audit?conversation={made}")).body)["audit"]

    assert refused.code == 403
    assert empty.code == 400
    assert noted.code == signed.code == 201
    assert report["verified"], report
    assert [(r["kind"], r["name"], r["note"]) for r in report["reviews"]] == [
        ("review-note", "rita", "why?"),
        ("sign-off", "rita", "fine"),
    ]
    assert [line["user"] for line in audit if line["action"] == "notebook.signed-off"] == [
        "rita",
        "rita",
    ]


async def test_a_reviewer_signs_a_downloaded_notebook_with_a_key_of_their_own(
    start_gateway, tmp_path
):
    running = await start_gateway([])
    conversation = await running.conversation()
    await conversation.execute("x = 1")
    shutil.copy(conversation.notebook, tmp_path / "x.ipynb")
    key = tmp_path / "config" / "reviewer.pem"
    export = ["keys", "export", "--data-dir", running.gateway.services.settings.data_dir]
    (tmp_path / "service.pem").write_text(run(*export).stdout)

    signed = run(
        "sign", tmp_path / "x.ipynb", "--as", "reviewer", "--name", "Rita", "--note", "fine",
        "--key-file", key,
    )  # fmt: skip
    options = ["--key", tmp_path / "service.pem", "--key", key.with_suffix(".pub.pem")]
    verified = run("verify", tmp_path / "x.ipynb", *options)

    assert signed.exit_code == 0, signed.output
    assert stat.S_IMODE(os.stat(key).st_mode) == 0o600
    assert verified.exit_code == 0, verified.output
    assert "signed off by 'Rita'" in verified.output
    assert "which you gave" in verified.output


async def test_a_reviewer_signs_a_bundle_as_it_is_and_no_bundle_that_was_changed(
    start_gateway, tmp_path
):
    running = await start_gateway([])
    conversation = await running.conversation()
    await conversation.execute("open('outputs/a.csv', 'w').write('a,1')")
    made = tmp_path / "made.zip"
    place = f"{path_url(conversation.id)}/notebook/export?to=bundle"
    made.write_bytes((await Raw(running)("GET", place)).body)
    forged = tmp_path / "forged.zip"
    with zipfile.ZipFile(made) as bundle, zipfile.ZipFile(forged, "w") as other:
        for name in bundle.namelist():
            other.writestr(name, b"x" if name == "outputs/a.csv" else bundle.read(name))
    key = tmp_path / "reviewer.pem"
    options = ["--as", "reviewer", "--name", "Rita", "--key-file", key]

    signed = run("sign", made, *options)
    verified = run("verify", tmp_path / "made.signed.zip")
    refused = run("sign", forged, *options)

    assert signed.exit_code == 0, signed.output
    assert verified.exit_code == 0, verified.output
    assert "signed off by 'Rita'" in verified.output
    with zipfile.ZipFile(tmp_path / "made.signed.zip") as bundle:
        assert bundle.read("outputs/a.csv") == b"a,1"
        assert b"`tallybook verify made.zip`" in bundle.read("README.md")
    assert refused.exit_code == 1
    assert "was not signed" in refused.output
    assert "outputs/a.csv: its sha256 is not the one in the manifest" in refused.output
    assert not (tmp_path / "forged.signed.zip").exists()


async def test_a_key_that_is_rotated_signs_the_next_cell(start_gateway):
    running = await start_gateway([])
    conversation = await running.conversation()
    await conversation.execute("x = 1")
    data = running.gateway.services.settings.data_dir
    before = (await verification(conversation))["signature"]["key_id"]

    rotated = run("keys", "rotate", "--data-dir", data)
    await conversation.execute("x = 2")
    after = await verification(conversation)
    listed = run("keys", "list", "--data-dir", data).output.splitlines()

    assert rotated.exit_code == 0
    assert after["verified"], after
    assert after["signature"]["key_id"] in rotated.output
    assert after["signature"]["key_id"] != before
    assert [before in listed[0], "retired" in listed[0], "in force" in listed[1]] == [True] * 3


def test_a_key_command_gives_the_key_and_its_failure_is_named(tmp_path):
    KeyRing(tmp_path / "made")
    pem = tmp_path / "made" / "signing.pem"
    settings = Settings(data_dir=tmp_path / "data", signing_key_command=f"cat {pem}")

    ring = open_key_ring(settings)

    assert ring.signer().public_key in KeyRing(tmp_path / "made").signer().public_key
    assert not (tmp_path / "data" / "keys" / "signing.pem").exists()
    for command, said in (("false", "ended with 1"), ("echo no", "no private key")):
        broken = settings.model_copy(update={"signing_key_command": command})
        with pytest.raises(SettingsInvalid, match=said):
            open_key_ring(broken)


def test_wrong_options_end_with_a_sentence(tmp_path):
    missing = run("verify", tmp_path / "x.ipynb", "--key", tmp_path / "no.pem")
    unsigned = run("sign", tmp_path / "x.ipynb", "--as", "reviewer", "--note-only")

    assert missing.exit_code == 1
    assert "can't be used: No such file" in missing.output
    assert unsigned.exit_code == 2
    assert "--note-only needs a --note" in unsigned.output
