"""A review bundle holds what the record names, gives the same bytes twice, and unpacks safely."""

import hashlib
import io
import json
import os
import stat
import zipfile

import pytest

from notebooks.errors import BundleUnreadable, NotebookUnreadable
from notebooks.export.bundle import write_bundle
from notebooks.export.unpacked import unpacked
from notebooks.ledger.signing import KeyRing
from notebooks.ledger.statement import attester_of
from notebooks.ledger.verify import verify_notebook
from tests.corpus.reviewed_notebook import reviewed_notebook

STACKED = "outputs/stacked_sales.xlsx"


def bundle_of(notebook):
    made = io.BytesIO()
    write_bundle(notebook, made)
    return made.getvalue()


def members(content):
    with zipfile.ZipFile(io.BytesIO(content)) as bundle:
        return {name: bundle.read(name) for name in bundle.namelist()}


def changed(content, **facts):
    """Return a bundle with other members; ``None`` takes one out."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, data in {**members(content), **facts}.items():
            if data is not None:
                bundle.writestr(name, data)
    return made.getvalue()


@pytest.fixture
async def notebook(tmp_path):
    (tmp_path / "record").mkdir()
    return await reviewed_notebook(tmp_path / "record")


@pytest.fixture
def unpack(tmp_path):
    def unpack(content, **options):
        (tmp_path / "x.zip").write_bytes(content)
        return unpacked(tmp_path / "x.zip", **options)

    return unpack


def test_it_holds_the_notebook_its_files_the_page_and_how_to_repeat_it(notebook):
    found = members(bundle_of(notebook))

    manifest = json.loads(found.pop("manifest.json"))
    assert found["notebook.ipynb"] == notebook.read_bytes()
    assert found[STACKED] == b"stacked"
    assert {n for n in found if n.startswith("inputs/")} == {
        f"inputs/sales_q{n}.xlsx" for n in (1, 2, 3)
    }
    assert manifest["files"] == {n: hashlib.sha256(c).hexdigest() for n, c in found.items()}
    assert manifest["missing"] == {}
    assert manifest["head"] == verify_notebook(notebook).head
    assert b"Tallybook review record" in found["review.html"]
    assert b"\npandas==" in found["requirements.txt"]
    assert b"`tallybook verify notebook.zip`" in found["README.md"]
    assert b"`tallybook rerun notebook.zip`" in found["README.md"]


def test_two_exports_are_equal_byte_for_byte(notebook):
    first = bundle_of(notebook)
    for file in (notebook, *notebook.parent.glob("*/*.xlsx")):
        os.utime(file, (1_000_000_000, 1_000_000_000))

    assert bundle_of(notebook) == first


@pytest.mark.parametrize(
    ("name", "spoil", "why"),
    [
        (STACKED, lambda file: file.unlink(), "is not beside the notebook"),
        (STACKED, lambda file: file.write_bytes(b"other"), "is not the recorded one"),
        ("inputs/sales_q1.xlsx", lambda file: file.unlink(), "is not beside the notebook"),
    ],
)
def test_a_recorded_file_that_is_not_as_recorded_is_listed_and_left_out(notebook, name, spoil, why):
    spoil(notebook.parent / name)

    found = members(bundle_of(notebook))

    assert name not in found
    assert why in json.loads(found["manifest.json"])["missing"][name]
    assert name in found["README.md"].decode()


def test_a_link_or_a_pipe_in_the_workspace_is_not_read(notebook, tmp_path):
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "sales_q1.xlsx").write_bytes(b"quarter 1")
    one, two = notebook.parent / "inputs", notebook.parent / STACKED
    one.rename(tmp_path / "away")
    one.symlink_to(secret)
    two.unlink()
    os.mkfifo(two)

    missing = json.loads(members(bundle_of(notebook))["manifest.json"])["missing"]

    assert {"inputs/sales_q1.xlsx", STACKED} <= missing.keys()


@pytest.mark.parametrize("name", ["inputs/../../secret", "/etc/passwd", "inputs//x", "inputs/a\nb"])
def test_a_name_in_a_forged_record_that_leaves_the_workspace_is_not_read(notebook, name):
    content = json.loads(notebook.read_text())
    for cell in content["cells"]:
        if "files_after" in cell["metadata"]["tallybook"]:
            cell["metadata"]["tallybook"]["files_after"] = {name: "0" * 64}
    notebook.write_text(json.dumps(content))

    found = members(bundle_of(notebook))

    assert not {n for n in found if n.startswith(("inputs", "/", "outputs"))}
    assert json.loads(found["manifest.json"])["missing"][name] == "its name leaves the workspace"


async def test_the_statement_and_the_key_of_a_signed_notebook_are_files_of_their_own(tmp_path):
    ring = KeyRing(tmp_path / "keys")
    notebook = await reviewed_notebook(tmp_path / "signed", attester=attester_of(ring))

    found = members(bundle_of(notebook))

    facts = json.loads(notebook.read_text())["metadata"]["tallybook"]
    assert json.loads(found["statement.json"]) == facts["statement"]
    assert found["public-key.pem"].decode() == ring.signer().public_key
    assert b"`public-key.pem`" in found["README.md"]


def test_a_bundle_unpacks_to_a_notebook_that_verifies(notebook, unpack):
    with unpack(bundle_of(notebook)) as bundle:
        assert bundle.problems == ()
        assert verify_notebook(bundle.notebook).verified
        assert (bundle.notebook.parent / STACKED).read_bytes() == b"stacked"

    assert not bundle.notebook.exists()


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({STACKED: b"forged"}, f"{STACKED}: its sha256 is not the one in the manifest"),
        ({STACKED: None}, f"{STACKED}: the bundle does not have it"),
        ({"outputs/more.xlsx": b"x"}, "outputs/more.xlsx: the manifest does not list it"),
        ({"review.html": b"forged"}, "review.html: its sha256 is not the one in the manifest"),
    ],
)
def test_a_file_that_is_not_the_manifests_is_named(notebook, unpack, facts, said):
    with unpack(changed(bundle_of(notebook), **facts)) as bundle:
        assert bundle.problems == (said,)


def with_a_new_manifest(content):
    """Return a bundle whose manifest fits what is in it, as a forger would make it."""
    files = {n: hashlib.sha256(c).hexdigest() for n, c in members(content).items()}
    manifest = json.loads(members(content)["manifest.json"])
    manifest["files"] = {name: sha256 for name, sha256 in files.items() if name != "manifest.json"}
    return changed(content, **{"manifest.json": json.dumps(manifest)})


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({STACKED: b"forged"}, f"{STACKED}: it is not the recorded file"),
        (
            {"inputs/sales_q1.xlsx": b"x"},
            "inputs/sales_q1.xlsx: it is not the recorded file",
        ),
        (
            {"inputs/sales_q1.xlsx": None, "inputs/other.xlsx": b"quarter 1"},
            "inputs/sales_q1.xlsx: the record names it, and it is not in the bundle",
        ),
    ],
)
def test_a_file_that_is_not_the_recorded_one_is_named_also_with_a_new_manifest(
    notebook, unpack, facts, said
):
    content = with_a_new_manifest(changed(bundle_of(notebook), **facts))

    with unpack(content) as bundle:
        assert said in bundle.problems


def test_a_name_in_a_manifest_that_would_steer_a_terminal_is_escaped(notebook, unpack):
    content = bundle_of(notebook)
    manifest = json.loads(members(content)["manifest.json"])
    manifest["files"]["inputs/\x1b[2J"] = manifest["missing"]["\x1b[2J"] = "\x1b[2J"

    with unpack(changed(content, **{"manifest.json": json.dumps(manifest)})) as bundle:
        shown = [*bundle.problems, *bundle.missing, *bundle.missing.values()]

    assert len(shown) == 3
    assert all(line.isprintable() for line in shown)


@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "/tmp/x",
        "inputs/../../x",
        "inputs/../x",
        "x.sh",
        "inputs\\..\\x",
        "inputs/",
        "other/x",
    ],
)
def test_a_bundle_with_a_file_that_no_bundle_has_is_refused(notebook, unpack, name):
    with (
        pytest.raises(BundleUnreadable, match="a file that no bundle has"),
        unpack(changed(bundle_of(notebook), **{name: b"x"})),
    ):
        pass


def linked(content):
    made = io.BytesIO(content)
    with zipfile.ZipFile(made, "a") as bundle:
        link = zipfile.ZipInfo("inputs/link.xlsx")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        bundle.writestr(link, "/etc/passwd")
    return made.getvalue()


def twice(content):
    made = io.BytesIO(content)
    with zipfile.ZipFile(made, "a") as bundle, pytest.warns(UserWarning, match="Duplicate"):
        bundle.writestr("notebook.ipynb", b"{}")
    return made.getvalue()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (linked, "is no plain file"),
        (twice, "two files called 'notebook.ipynb'"),
        (lambda content: changed(content, **{"notebook.ipynb": None}), "no notebook.ipynb"),
        (lambda content: changed(content, **{"manifest.json": None}), "no manifest.json"),
        (lambda content: changed(content, **{"manifest.json": b"["}), "manifest can't be read"),
        (lambda content: changed(content, **{"inputs/a": b"", "inputs/a/b": b""}), "exists"),
        (lambda content: content[: len(content) // 2], "not a zip"),
        (
            lambda content: content[:60] + b"\xff" * 40 + content[100:],
            "not a readable review bundle",
        ),
        (lambda content: b"PK", "File is not a zip"),
    ],
)
def test_a_bundle_that_is_not_one_is_a_typed_error(notebook, unpack, spoil, said):
    content = spoil(bundle_of(notebook))

    with pytest.raises(BundleUnreadable, match=said), unpack(content):
        pass


@pytest.mark.parametrize("lie", [True, False])
def test_a_bundle_is_unpacked_to_a_limit_whatever_size_it_states(notebook, unpack, lie):
    content = changed(bundle_of(notebook), **{"inputs/big": bytes(2_000_000)})
    if lie:
        content = content.replace((2_000_000).to_bytes(4, "little"), (9).to_bytes(4, "little"))

    with pytest.raises(BundleUnreadable), unpack(content, most_bytes=1_000_000):
        pass


@pytest.mark.parametrize("content", [None, b"{}"])
def test_what_is_no_notebook_gives_no_bundle(tmp_path, content):
    if content is not None:
        (tmp_path / "x.ipynb").write_bytes(content)

    with pytest.raises(NotebookUnreadable):
        bundle_of(tmp_path / "x.ipynb")


@pytest.mark.parametrize("facts", [True, 5, "x", None, [], [{}]])
@pytest.mark.parametrize("place", [0, -1, None])
def test_facts_of_another_type_in_a_foreign_notebook_do_no_harm(notebook, facts, place):
    """Anybody can write anything into the metadata of a notebook that is sent in."""
    content = json.loads(notebook.read_text())
    of = content if place is None else content["cells"][place]
    of["metadata"]["tallybook"] = facts
    notebook.write_text(json.dumps(content))

    assert not verify_notebook(notebook).verified
    assert members(bundle_of(notebook))
