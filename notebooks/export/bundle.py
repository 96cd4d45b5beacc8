"""The review bundle: a zip with all that a reviewer needs to verify, read and repeat a notebook.

The same notebook and files give the same bytes. Only files whose hash is the recorded one go in;
the manifest lists the others.
"""

from __future__ import annotations

import hashlib
import json
import shlex
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from notebooks.errors import NotebookUnreadable
from notebooks.export.environment import python_version, requirements
from notebooks.export.evidence import RecordedFile, code_of, files_of
from notebooks.export.formats import page_of
from notebooks.export.workspace_files import open_below, safe_name
from notebooks.history.network_responses import RESPONSES, is_response, recorded_calls, response_of
from notebooks.record.chain import KEY, mapping
from notebooks.record.document import head
from notebooks.record.reading import read_copy
from notebooks.record.undone import withdraw_undone

NOTEBOOK, MANIFEST, README, PAGE = "notebook.ipynb", "manifest.json", "README.md", "review.html"
REQUIREMENTS, STATEMENT, PUBLIC_KEY = "requirements.txt", "statement.json", "public-key.pem"
RERUN_REPORT = "notebook.rerun.json"
FORMAT = 1
MEMORY_BYTES, PIECE_BYTES = 16 * 1024 * 1024, 1024 * 1024
DATE = (1980, 1, 1, 0, 0, 0)
"""The first date that a zip can hold: a bundle has no times of its own."""
READ_ME = """\
# {title}: review bundle

Made by Tallybook. `{page}` is the whole record to read: open it in a browser. It runs nothing and
loads nothing.

With Python 3.11 or newer, `pip install tallybook` (`{requirements}` has the versions of the
packages that the notebook's code ran with), and the zip as it is:

- Verify the record and every file: `tallybook verify {bundle}`.
  With `--key KEY.pem`, the public key that the service's operator gave you, nobody without the
  private key can have changed it.
- Run it again and compare: `tallybook rerun {bundle}`

| file | holds |
|---|---|
| `{notebook}` | the notebook, byte for byte as recorded |
| `inputs/`, `outputs/` | the files that the notebook names, as recorded |
| `responses/` | what came back from its network calls, if it made any |
| `{manifest}` | sha256 of every file; recorded files that could not be included |
{signed}
{missing}"""


@dataclass(slots=True)
class Contents:
    """What goes into a bundle besides its manifest.

    Attributes:
        hashes: sha256 of each file by name.
        missing: Why a recorded file is not included, by name.
    """

    hashes: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)


def write_bundle(notebook_file: Path, target: IO[bytes], *, title: str = "") -> Contents:
    """Write the review bundle of a notebook.

    Args:
        notebook_file: The notebook; its files lie in ``inputs/`` and ``outputs/`` beside it, or
            in ``workspace/`` there.
        target: A file that can be written and sought.
        title: The notebook's name; by default, its file's.

    Returns:
        What is in it, and what is missing.

    Raises:
        NotebookUnreadable: It is missing, or no notebook.
    """
    recorded = withdraw_undone(read_copy(notebook_file)[0])
    try:
        content = notebook_file.read_bytes()
    except OSError as error:
        raise NotebookUnreadable(str(notebook_file), error.strerror or "it went away") from None
    title = title or notebook_file.stem
    contents = Contents()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as bundle:
        _add(bundle, contents, NOTEBOOK, content)
        _add(bundle, contents, PAGE, page_of(notebook_file, title=title).encode("utf-8", "replace"))
        _add(bundle, contents, REQUIREMENTS, requirements().encode())
        signed = _signed(recorded)
        for name, text in signed.items():
            _add(bundle, contents, name, text.encode("utf-8", "replace"))
        if report := _small_file(notebook_file.with_suffix(".rerun.json")):
            _add(bundle, contents, RERUN_REPORT, report)
        for file in files_of(recorded, code_of(recorded)):
            if file.present:
                _add_recorded(bundle, contents, notebook_file.parent, file)
        _add_responses(bundle, contents, recorded, notebook_file)
        _add(bundle, contents, README, _readme(title, signed, contents).encode("utf-8", "replace"))
        _write(bundle, MANIFEST, _manifest(recorded, contents))
    return contents


def _signed(recorded: Any) -> dict[str, str]:
    """Return the signed statement and the public key, where the notebook has them."""
    facts, found = mapping(recorded.metadata.get(KEY)), {}
    if isinstance(statement := facts.get("statement"), Mapping):
        found[STATEMENT] = json.dumps(statement, indent=1, sort_keys=True) + "\n"
    if isinstance(key := facts.get("public_key"), str):
        found[PUBLIC_KEY] = key
    return found


def _small_file(file: Path) -> bytes:
    try:
        return file.read_bytes() if file.stat().st_size <= MEMORY_BYTES else b""
    except OSError:
        return b""


def _add_responses(
    bundle: zipfile.ZipFile, contents: Contents, recorded: Any, notebook_file: Path
) -> None:
    """Add what came back from network calls, so that the notebook can be run again offline."""
    wanted = {str(call.get("sha256")) for _, call in recorded_calls(recorded)}
    for sha256 in sorted(wanted):
        name = f"{RESPONSES}/{sha256}"
        if (content := response_of(notebook_file, sha256)) is None:
            if is_response(name):
                contents.missing[name] = "this response of a network call is not stored any more"
        else:
            _add(bundle, contents, name, content)


def _add_recorded(
    bundle: zipfile.ZipFile, contents: Contents, beside: Path, file: RecordedFile
) -> None:
    """Add a recorded file if the one on disk is still the same."""
    if not safe_name(file.name):
        contents.missing[file.name] = "its name leaves the workspace"
        return
    with tempfile.SpooledTemporaryFile(MEMORY_BYTES) as copy:
        found = open_below((beside / "workspace", beside), file.name)
        if found is None:
            contents.missing[file.name] = "it is not beside the notebook"
            return
        digest = hashlib.sha256()
        with found:
            while piece := found.read(PIECE_BYTES):
                digest.update(piece)
                copy.write(piece)
        if file.sha256 not in (digest.hexdigest(), f"size:{copy.tell()}"):
            contents.missing[file.name] = "the file beside the notebook is not the recorded one"
            return
        copy.seek(0)
        with bundle.open(_entry(file.name), "w", force_zip64=True) as entry:
            while piece := copy.read(PIECE_BYTES):
                entry.write(piece)
        contents.hashes[file.name] = digest.hexdigest()


def _add(bundle: zipfile.ZipFile, contents: Contents, name: str, content: bytes) -> None:
    _write(bundle, name, content)
    contents.hashes[name] = hashlib.sha256(content).hexdigest()


def _write(bundle: zipfile.ZipFile, name: str, content: bytes) -> None:
    bundle.writestr(_entry(name), content)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, DATE)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.create_system = 3  # Unix, on every host
    entry.external_attr = 0o100644 << 16
    return entry


def _readme(title: str, signed: Mapping[str, str], contents: Contents) -> str:
    rows = {
        STATEMENT: "the service's signed statement about the notebook (DSSE, in-toto)",
        PUBLIC_KEY: "the key that signed it; compare it with the one that the service publishes",
    }
    lines = "\n".join(f"- `{_plain(n)}`: {why}" for n, why in sorted(contents.missing.items()))
    missing = f"\nNot included, so that a re-run can't compare or use them:\n\n{lines}\n"
    return READ_ME.format(
        title=_plain(title),
        page=PAGE,
        requirements=REQUIREMENTS,
        bundle=_plain(shlex.quote(f"{title}.zip")),
        notebook=NOTEBOOK,
        manifest=MANIFEST,
        signed="\n".join(f"| `{name}` | {rows[name]} |" for name in signed),
        missing=missing if lines else "",
    )


def _plain(text: str) -> str:
    """Return a name from outside as it may stand in the README's code marks."""
    return "".join(c for c in text if c.isprintable() and c not in "`<>")


def _manifest(recorded: Any, contents: Contents) -> bytes:
    facts = mapping(recorded.metadata.get(KEY))
    value = {
        "format": FORMAT,
        "notebook": NOTEBOOK,
        "conversation": facts.get("conversation"),
        "path": facts.get("path"),
        "head": head(recorded),
        "python": python_version(),
        "files": contents.hashes,
        "missing": contents.missing,
    }
    text = json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    return text.encode("utf-8", "replace")
