"""A signed notebook: what was changed, where, and by whom that was possible, is found."""

import base64
import copy
import hashlib
import json
import stat
from pathlib import Path

import nbformat
import pytest

from notebooks.errors import NotSigned, SigningKeyUnusable
from notebooks.ledger.cross_check import Announced, cross_check
from notebooks.ledger.review import NOTE, SIGN_OFF, sign_notebook
from notebooks.ledger.signing import KeyRing, own_signer, public_keys
from notebooks.ledger.statement import PAYLOAD_TYPE, attester_of, pre_authentication
from notebooks.ledger.verify import verify_bytes, verify_notebook
from notebooks.record.cells import CellIntent, Execution, Provenance
from notebooks.record.chain import KEY, cell_hash, field_digests, kept_digits, seal
from notebooks.record.document import notebook_bytes
from notebooks.record.reading import parse_notebook
from notebooks.record.recorder import NOTEBOOK, Recorder

pytestmark = pytest.mark.check
WORKBOOK = b"a workbook"


@pytest.fixture
def ring(tmp_path):
    return KeyRing(tmp_path / "keys")


@pytest.fixture
def key_file(ring, tmp_path):
    file = tmp_path / "service.pem"
    file.write_text("".join(key.public_key for key in ring.published()))
    return file


@pytest.fixture
def keys(key_file):
    return public_keys(key_file)


@pytest.fixture
async def recorded(tmp_path, ring):
    return await record(tmp_path / "home", ring)


async def record(home, ring, sources=("x = 1", "x + 1", "x + 2")):
    recorder = Recorder.open(
        home, conversation="conv_1", path="main", attester=ring and attester_of(ring)
    )
    await recorder.note("Stack the workbooks", {"turn": "t1", "kind": "request"})
    files = {
        "inputs/a.xlsx": "0" * 64,
        "outputs/b.xlsx": hashlib.sha256(WORKBOOK).hexdigest(),
    }
    for number, source in enumerate(sources):
        why = Provenance(
            turn_id="t1", request="ä €", decision={"who": "ann", "decision": "once", "at": "x"}
        )
        intent = CellIntent(id=f"cell-{number}", source=source, provenance=why)
        output = {
            "output_type": "execute_result",
            "execution_count": number,
            "data": {"text/plain": "2\n3", "application/json": {"share": 1.0, "few": 1e-7}},
            "metadata": {},
        }
        await recorder.commit(
            intent,
            Execution(
                outcome="ok",
                execution_count=number,
                outputs=(output,),
                seconds=2.0,
                files_after=files,
            ),
        )
    return recorder.file


def changed(file, change) -> bytes:
    notebook = parse_notebook(file.read_bytes())
    change(notebook)
    return notebook_bytes(notebook)


def hash_anew(notebook, first=0):
    """Do what somebody with the file, but without the key, can do about the hashes."""
    for number, cell in enumerate(notebook.cells):
        if number >= first:
            facts = cell.metadata[KEY]
            facts["prev"] = notebook.cells[number - 1].metadata[KEY]["hash"] if number else "0" * 64
            facts["fields"] = kept_digits(field_digests(cell))
            facts["hash"] = cell_hash(cell, facts["prev"])
    facts = notebook.metadata[KEY]
    facts["head"], facts["cells"] = notebook.cells[-1].metadata[KEY]["hash"], len(notebook.cells)
    facts["seal"] = seal(notebook)


def sign_anew(notebook, ring):
    """Do what somebody with a key can do."""
    attester = attester_of(ring)
    for cell in notebook.cells:
        cell.metadata[KEY]["signed_by"] = ring.signer().key_id
    hash_anew(notebook)
    for cell in notebook.cells:
        facts = cell.metadata[KEY]
        facts["signature"] = dict(attester.cell_signer().sign_cell(facts["hash"]))
    notebook.metadata[KEY].update(attester.attest(notebook))


def test_a_signed_notebook_verifies_with_the_key_alone(recorded, keys):
    report = verify_notebook(recorded, keys)

    assert report.problems == ()
    assert report.as_written
    assert report.signature.valid
    assert report.signature.trusted


def test_without_a_key_the_report_says_that_the_key_came_with_the_file(recorded):
    report = verify_notebook(recorded)

    assert report.verified
    assert report.signature.valid
    assert report.signature.trusted is None


async def test_an_unsigned_notebook_does_not_verify_with_a_key(tmp_path, keys):
    unsigned = await record(tmp_path / "unsigned", None)

    assert verify_notebook(unsigned).verified
    assert [p.what for p in verify_notebook(unsigned, keys).problems] == ["it is not signed"]


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("source", lambda cell: cell.update(source="x = 2")),
        ("outputs", lambda cell: cell.outputs[0].data.update({"text/plain": "4"})),
        ("execution_count", lambda cell: cell.update(execution_count=7)),
        ("metadata.tags", lambda cell: cell.metadata.update(tags=["parameters"])),
        ("tallybook.decision", lambda cell: cell.metadata[KEY].decision.update(who="bob")),
        ("tallybook.files_after", lambda cell: cell.metadata[KEY].files_after.clear()),
        ("tallybook.risk", lambda cell: cell.metadata[KEY].pop("risk")),
        ("metadata.extra", lambda cell: cell.metadata.update(extra=1)),
        ("tallybook.prev", lambda cell: cell.metadata[KEY].update(prev="0" * 64)),
        ("tallybook.signature", lambda cell: cell.metadata[KEY].signature.update(sig="AAAA")),
        ("tallybook.signature", lambda cell: cell.metadata[KEY].signature.update(keyid="a" * 16)),
        ("tallybook.signature", lambda cell: cell.metadata[KEY].pop("signature")),
    ],
    ids=map(str, range(12)),
)
def test_a_changed_field_is_named_with_its_cell(recorded, keys, field, change):
    content = changed(recorded, lambda notebook: change(notebook.cells[2]))

    (problem,) = verify_bytes(content, keys).problems

    assert (problem.cell, problem.cell_id, problem.field) == (3, "cell-1", field)
    assert problem.by == "file"


@pytest.mark.parametrize("number", [0, 2, 3])
def test_a_cell_that_was_hashed_anew_is_named_by_its_signature(recorded, keys, number):
    def change(notebook):
        notebook.cells[number].source += " "
        hash_anew(notebook, number)

    problems = verify_bytes(changed(recorded, change), keys).problems

    assert [p.cell for p in problems if p.cell] == [number + 1]
    assert "is not the one that was signed" in problems[-1].what


def test_a_chain_signed_anew_with_another_key_is_not_taken_for_the_services(
    recorded, keys, tmp_path
):
    other = KeyRing(tmp_path / "other")

    def change(notebook):
        notebook.cells[1].source = "x = 99"
        sign_anew(notebook, other)

    content = changed(recorded, change)
    report = verify_bytes(content, keys)

    assert any("another key" in problem.what for problem in report.problems)
    assert other.signer().key_id in report.problems[0].what
    assert not report.signature.valid
    assert verify_bytes(content).verified  # without a key it can't be known


def test_the_wrong_key_is_named(recorded, tmp_path):
    file = tmp_path / "wrong.pem"
    file.write_text(KeyRing(tmp_path / "other").signer().public_key)

    report = verify_notebook(recorded, public_keys(file))

    assert [p.field for p in report.problems] == ["tallybook.statement"]
    assert "another key" in report.problems[0].what


def test_swapped_cells_are_named_as_moved(recorded, keys):
    def change(notebook):
        cells = notebook.cells
        cells[1], cells[2] = cells[2], cells[1]

    problems = verify_bytes(changed(recorded, change), keys).problems

    assert {p.cell for p in problems} == {2, 3, 4}
    assert all("moved" in p.what for p in problems)


def test_a_removed_cell_is_named_by_the_one_after_it(recorded, keys):
    problems = verify_bytes(changed(recorded, lambda n: n.cells.pop(1)), keys).problems

    assert [p.cell for p in problems] == [2]
    assert "was removed" in problems[0].what


@pytest.mark.parametrize("count", [1, 3])
def test_cells_cut_off_the_end_are_counted(recorded, keys, count):
    def change(notebook):
        del notebook.cells[-count:]

    (problem,) = verify_bytes(changed(recorded, change), keys).problems

    assert f"{count} cell" in problem.what
    assert "removed from its end" in problem.what


def test_an_added_cell_is_named(recorded, keys):
    def change(notebook):
        notebook.cells.insert(2, nbformat.v4.new_markdown_cell("hi", id="added"))

    (problem,) = verify_bytes(changed(recorded, change), keys).problems

    assert (problem.cell, problem.cell_id) == (3, "added")
    assert "added" in problem.what


def test_a_cell_that_was_added_with_a_hash_is_named(recorded, keys):
    def change(notebook):
        cell = copy.deepcopy(notebook.cells[2])
        cell["id"] = "added"
        notebook.cells.append(cell)
        hash_anew(notebook, 4)

    problems = verify_bytes(changed(recorded, change), keys).problems

    assert any(p.cell == 5 and "added after" in p.what for p in problems)


@pytest.mark.parametrize("name", ["statement", "public_key", "head", "cells", "seal", "path"])
def test_each_changed_fact_of_the_notebook_is_found(recorded, keys, name):
    def change(notebook):
        notebook.metadata[KEY][name] = 7 if name == "cells" else "changed"

    assert not verify_bytes(changed(recorded, change), keys).verified


def test_a_removed_statement_is_missed_with_and_without_a_key(recorded, keys):
    content = changed(recorded, lambda n: n.metadata[KEY].pop("statement"))

    assert "was removed" in verify_bytes(content).problems[0].what
    assert "was removed" in verify_bytes(content, keys).problems[0].what


def test_a_forged_statement_is_not_signed_by_the_key_it_names(recorded, keys):
    def change(notebook):
        statement = notebook.metadata[KEY].statement
        said = json.loads(base64.b64decode(statement.payload))
        said["predicate"]["cells"] = 3
        statement["payload"] = base64.b64encode(json.dumps(said).encode()).decode()

    (problem,) = verify_bytes(changed(recorded, change), keys).problems

    assert problem.field == "tallybook.statement"
    assert "not signed by the key" in problem.what


@pytest.mark.parametrize("cut", [0.1, 0.5, 0.99])
def test_a_truncated_file_is_no_valid_notebook(recorded, keys, cut):
    content = recorded.read_bytes()

    (problem,) = verify_bytes(content[: int(len(content) * cut)], keys).problems

    assert "not a valid notebook" in problem.what


def test_saving_as_jupyter_does_breaks_nothing(recorded, keys):
    def like_jupyter(notebook):
        notebook.metadata["language_info"] = {"name": "python", "version": "3.12.1"}
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
        notebook.metadata["widgets"] = {}
        notebook.cells[1].metadata["collapsed"] = True
        notebook.cells[2].metadata["jupyter"] = {"source_hidden": True}

    text = changed(recorded, like_jupyter).decode()
    # A browser writes whole and small numbers in its own way.
    in_browser = text.replace(": 1.0", ": 1").replace(": 2.0", ": 2").replace("1e-07", "1e-7")
    report = verify_bytes(in_browser.replace("\n", "\r\n").encode(), keys)

    assert in_browser != text
    assert report.problems == ()
    assert not report.as_written
    assert any("kernel, language" in note for note in report.notes)
    assert any("cells: 2, 3" in note for note in report.notes)


def test_a_name_that_is_in_an_object_twice_is_found(recorded, keys):
    text = recorded.read_text()
    content = text.replace(
        '"source": [\n    "x = 1"', '"source": ["y"],\n   "source": [\n    "x = 1"'
    )
    assert content != text

    (problem,) = verify_bytes(content.encode(), keys).problems

    assert "'source' twice" in problem.what


def test_the_statement_is_a_dsse_envelope_with_an_in_toto_statement(recorded, ring):
    facts = parse_notebook(recorded.read_bytes()).metadata[KEY]
    envelope = facts.statement
    payload = base64.b64decode(envelope.payload)
    said = json.loads(payload)

    assert envelope.payloadType == PAYLOAD_TYPE == "application/vnd.in-toto+json"
    assert said["_type"] == "https://in-toto.io/Statement/v1"
    assert said["subject"][0]["digest"] == {"tallybookChain": facts.head}
    assert said["subject"][1:] == [
        {
            "name": "outputs/b.xlsx",
            "digest": {"sha256": hashlib.sha256(WORKBOOK).hexdigest()},
        }
    ]
    signature = base64.b64decode(envelope.signatures[0].sig)
    (key,) = public_keys_of(ring)
    key.verify(signature, b"DSSEv1 28 application/vnd.in-toto+json %d " % len(payload) + payload)
    assert pre_authentication("a", b"bc") == b"DSSEv1 1 a 2 bc"


def public_keys_of(ring):
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    return [load_pem_public_key(key.public_key.encode()) for key in ring.published()]


@pytest.mark.parametrize(
    ("content", "state"), [(WORKBOOK, "as recorded"), (b"other", "changed"), (None, "not here")]
)
def test_produced_files_beside_the_notebook_are_compared(recorded, keys, content, state):
    outputs = recorded.parent / "outputs"
    outputs.mkdir()
    if content is not None:
        (outputs / "b.xlsx").write_bytes(content)

    report = verify_notebook(recorded, keys)

    assert report.files == {"outputs/b.xlsx": state}
    assert report.verified is (state != "changed")


def test_a_file_outside_the_directory_is_never_read(recorded, keys, tmp_path):
    (tmp_path / "secret").write_bytes(b"other")
    (recorded.parent / "outputs").mkdir()
    (recorded.parent / "outputs" / "b.xlsx").symlink_to(tmp_path / "secret")

    assert verify_notebook(recorded, keys).files == {"outputs/b.xlsx": "not here"}


async def test_after_a_rotation_old_and_new_signatures_verify(tmp_path, ring):
    home = tmp_path / "home"
    await record(home, ring, ("x = 1",))
    first = ring.signer().key_id
    new = KeyRing(ring.directory).rotate()  # by the command, while the service runs
    recorder = Recorder.open(home, conversation="c", path="main", attester=attester_of(ring))
    await recorder.note("more", {"turn": "t2", "kind": "request"})
    file = tmp_path / "all.json"
    file.write_bytes((ring.directory / "public.json").read_bytes())

    report = verify_notebook(home / NOTEBOOK, public_keys(file))

    assert report.verified
    assert report.signature.key_id == new.id != first
    assert [key.retired_at is None for key in ring.published()] == [False, True]
    assert ring.signer().key_id == new.id


def test_private_keys_are_readable_by_their_owner_only(ring):
    assert stat.S_IMODE((ring.directory / "signing.pem").stat().st_mode) == 0o600
    assert stat.S_IMODE(ring.directory.stat().st_mode) == 0o700


async def test_a_private_key_is_never_in_the_notebook(recorded, ring):
    private = (ring.directory / "signing.pem").read_text().splitlines()[1]

    assert private not in recorded.read_text()
    assert "PRIVATE" not in recorded.read_text()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file"),
        (b"", "no public key"),
        (b"\xff\xfe", "no text"),
        (b"{", "JSON without a list"),
        (b'{"keys": 1}', "JSON without a list"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "no Ed25519"),
        (b"-----BEGIN PRIVATE KEY-----", "private key"),
    ],
)
def test_a_key_that_is_none_is_a_typed_error(tmp_path, content, said):
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(SigningKeyUnusable, match=said):
        public_keys(file)


def test_a_damaged_signing_key_is_a_typed_error(tmp_path):
    (tmp_path / "signing.pem").write_text("nothing")

    with pytest.raises(SigningKeyUnusable, match=r"signing\.pem"):
        KeyRing(tmp_path)


def test_a_key_of_a_key_management_service_is_not_stored(tmp_path, ring):
    pem = (ring.directory / "signing.pem").read_text()

    given = KeyRing(tmp_path / "kms", private_pem=pem)

    assert given.signer().key_id == ring.signer().key_id
    assert not given.rotates
    assert sorted(file.name for file in (tmp_path / "kms").iterdir()) == ["lock", "public.json"]


def test_a_reviewers_sign_off_and_note_are_entries_of_their_own(recorded, keys, tmp_path):
    reviewer = own_signer(tmp_path / "config" / "reviewer.pem")
    sign_notebook(recorded, reviewer, kind=NOTE, name="Rita", note="why x?\n# <b>no heading</b>")
    sign_notebook(recorded, reviewer, kind=SIGN_OFF, name="Rita", note="")
    mine = tmp_path / "reviewer.pub"
    mine.write_text(reviewer.public_key)

    report = verify_notebook(recorded, keys | public_keys(mine))

    assert report.problems == ()
    assert report.signature.valid
    assert [(r.cell, r.kind, r.name, r.trusted) for r in report.reviews] == [
        (5, "review-note", "Rita", True),
        (6, "sign-off", "Rita", True),
    ]
    assert [r.trusted for r in verify_notebook(recorded, keys).reviews] == [False, False]


@pytest.mark.parametrize(
    "change",
    [
        lambda cell: cell.metadata[KEY].update(user="Bob"),
        lambda cell: cell.update(source="Signed off by the board"),
        lambda cell: cell.metadata[KEY].signature.update(sig="AAAA"),
        lambda cell: cell.metadata[KEY].pop("public_key"),
        lambda cell: cell.metadata[KEY].update(kind="answer"),
    ],
    ids=["name", "text", "signature", "no key", "kind"],
)
def test_a_changed_sign_off_is_named(recorded, keys, tmp_path, change):
    reviewer = own_signer(tmp_path / "reviewer.pem")
    sign_notebook(recorded, reviewer, kind=SIGN_OFF, name="Rita", note="fine")

    def both(notebook):
        change(notebook.cells[4])
        facts = notebook.cells[4].metadata[KEY]
        facts["fields"] = kept_digits(field_digests(notebook.cells[4]))
        facts["hash"] = cell_hash(notebook.cells[4], facts["prev"])

    report = verify_bytes(changed(recorded, both), keys)

    assert [p.cell for p in report.problems] == [5]
    assert report.reviews == ()


def test_a_notebook_that_does_not_verify_is_not_signed_off(recorded, tmp_path):
    recorded.write_bytes(changed(recorded, lambda n: n.cells[1].update(source="x = 2")))
    before = recorded.read_bytes()

    with pytest.raises(NotSigned, match="cell 2: its code was changed"):
        sign_notebook(recorded, own_signer(tmp_path / "r.pem"), kind=SIGN_OFF, name="Rita", note="")

    assert recorded.read_bytes() == before


def announced(notebook):
    return [
        Announced(number, cell.id, cell.metadata[KEY]["hash"])
        for number, cell in enumerate(notebook.cells, 1)
    ]


@pytest.mark.parametrize(
    ("change", "said", "cell"),
    [
        (lambda n: n.cells.pop(), "cell 4 of the audit list (cell-2) is missing", None),
        (lambda n: n.cells.pop(1), "cell 2 of the audit list (cell-0) is missing", None),
        (lambda n: n.cells.insert(1, n.cells.pop(2)), "moved", 2),
        (lambda n: n.cells.append(_copy(n.cells[1])), "added", 5),
        (lambda n: n.cells[1].update(source="x = 3"), "changed", 2),
    ],
    ids=["cut off", "removed", "moved", "added", "changed"],
)
def test_the_audit_list_finds_what_was_signed_anew_with_the_key(
    recorded, keys, ring, change, said, cell
):
    listed = announced(parse_notebook(recorded.read_bytes()))

    def both(notebook):
        change(notebook)
        sign_anew(notebook, ring)

    content = changed(recorded, both)
    found = cross_check(parse_notebook(content).cells, listed, by="key")

    assert verify_bytes(content, keys).verified
    assert said in found[0].what
    assert found[0].cell == cell
    assert found[0].by == "key"


def _copy(cell):
    return nbformat.from_dict({**copy.deepcopy(cell), "id": "added"})


def test_the_audit_list_agrees_with_an_unchanged_notebook(recorded):
    notebook = parse_notebook(recorded.read_bytes())

    assert cross_check(notebook.cells, announced(notebook), by="key") == []
    assert cross_check(notebook.cells, announced(notebook)[:3], pending={"cell-2"}, by="key") == []


HOSTILE = (None, -1.5, "\x1b[31m", "\ud800", [], {"a": 1}, 10**30, float("inf"), "1" * 64)


def places(value, place=()):
    """Yield where each value in *value* is."""
    if not isinstance(value, dict | list):
        return
    for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield (*place, name)
        yield from places(inner, (*place, name))


def test_whatever_a_value_is_replaced_by_is_found_without_a_traceback(recorded, keys):
    text = recorded.read_text()
    missed = []
    for number, place in enumerate(places(json.loads(text))):
        value = json.loads(text)
        inner = value
        for name in place[:-1]:
            inner = inner[name]
        if number % 4:
            inner[place[-1]] = HOSTILE[number % len(HOSTILE)]
        else:
            del inner[place[-1]]
        report = verify_bytes(json.dumps(value).encode(), keys)
        if report.verified and (place[0] == "cells" or KEY in place):
            missed.append(place)

    assert missed == []


@pytest.mark.parametrize("depth", [300, 900, 100_000])
def test_a_deeply_nested_value_is_a_problem_not_a_traceback(recorded, keys, depth):
    deep = "[" * depth + "]" * depth
    content = recorded.read_text().replace('"tags": []', f'"tags": [], "deep": {deep}', 1)

    assert not verify_bytes(content.encode(), keys).verified


FIRST_FORMAT = Path(__file__).parents[1] / "corpus" / "first_format.ipynb"


def test_a_notebook_of_the_first_format_still_verifies_and_its_changes_are_found(tmp_path):
    content = FIRST_FORMAT.read_bytes()

    assert verify_bytes(content).as_written
    for old, new in ((b"x + 1", b"x + 2"), (b'"t1"', b'"t2"'), (b'"main"', b'"test"')):
        assert not verify_bytes(content.replace(old, new)).verified
    assert not verify_bytes(content.replace(b"\n ", b"\n  ", 1)).verified


async def test_a_notebook_of_the_first_format_goes_on_signed(tmp_path, ring, keys):
    home = tmp_path / "home"
    home.mkdir()
    (home / NOTEBOOK).write_bytes(FIRST_FORMAT.read_bytes())

    recorder = Recorder.open(home, conversation="conv_1", path="main", attester=attester_of(ring))
    await recorder.note("Once more", {"turn": "t2", "kind": "request"})
    report = verify_notebook(home / NOTEBOOK, keys)

    assert report.problems == ()
    assert report.cells == 4
    assert report.signature.valid
