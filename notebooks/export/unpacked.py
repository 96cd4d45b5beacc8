"""Unpacks a review bundle, which comes from outside: what it may hold is listed."""

from __future__ import annotations

import hashlib
import json
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from notebooks.errors import BundleUnreadable, NotebookError
from notebooks.export.bundle import (
    MANIFEST,
    NOTEBOOK,
    PAGE,
    PIECE_BYTES,
    PUBLIC_KEY,
    README,
    REQUIREMENTS,
    RERUN_REPORT,
    STATEMENT,
)
from notebooks.export.evidence import code_of, files_of
from notebooks.export.workspace_files import safe_name
from notebooks.history.network_responses import is_response
from notebooks.record.chain import mapping
from notebooks.record.files import is_recorded
from notebooks.record.reading import read_copy
from notebooks.record.undone import withdraw_undone
from notebooks.rerun.tolerance import printable

OWN = frozenset(
    {NOTEBOOK, PAGE, MANIFEST, README, REQUIREMENTS, STATEMENT, PUBLIC_KEY, RERUN_REPORT}
)
MOST_FILES, MOST_BYTES, MOST_MANIFEST_BYTES = 10_000, 4 * 1024**3, 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpackedBundle:
    """A bundle in a directory of its own.

    Attributes:
        notebook: The notebook file there; its inputs and outputs lie beside it.
        problems: What differs from its manifest, and files that are not those of the record, one
            line each.
        missing: Why recorded files are not in it, by name.
    """

    notebook: Path
    problems: tuple[str, ...]
    missing: Mapping[str, str]


@contextmanager
def unpacked(bundle_file: Path, *, most_bytes: int = MOST_BYTES) -> Iterator[UnpackedBundle]:
    """Unpack a bundle into a temporary directory, and check it against its manifest.

    Args:
        bundle_file: The zip.
        most_bytes: How much it may unpack to.

    Raises:
        BundleUnreadable: It is no bundle, is damaged, or holds what no bundle may hold.
    """
    with tempfile.TemporaryDirectory(prefix="tallybook-bundle-") as directory:
        try:
            with zipfile.ZipFile(bundle_file) as bundle:
                entries = _checked(bundle_file, bundle.infolist(), most_bytes)
                hashes = _extract(bundle_file, bundle, entries, Path(directory), most_bytes)
        except OSError as error:
            raise BundleUnreadable(str(bundle_file), error.strerror or "it can't be read") from None
        except (
            zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError
        ) as error:  # fmt: skip
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            raise BundleUnreadable(str(bundle_file), reason) from None
        manifest = _manifest(bundle_file, Path(directory, MANIFEST))
        listed = {str(n): str(sha) for n, sha in mapping(manifest.get("files")).items()}
        missing = mapping(manifest.get("missing"))
        notebook = Path(directory, NOTEBOOK)
        problems = _problems(hashes, listed)
        named = {name for name in listed if hashes.get(name) != listed[name]}
        problems += _unlike_the_record(notebook, hashes, {*named, *map(str, missing)})
        yield UnpackedBundle(
            notebook=notebook,
            problems=tuple(printable(line) for line in problems),
            missing={printable(str(n)): printable(str(why)) for n, why in missing.items()},
        )


def _checked(
    bundle_file: Path, entries: list[zipfile.ZipInfo], most_bytes: int
) -> list[zipfile.ZipInfo]:
    """Return the entries; none may leave the directory, be a link, or be there twice."""
    seen: set[str] = set()
    for entry in entries:
        name, mode = entry.filename, entry.external_attr >> 16
        if name not in OWN and not safe_name(name) and not is_response(name):
            raise BundleUnreadable(str(bundle_file), f"it has a file that no bundle has: {name!r}")
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            raise BundleUnreadable(str(bundle_file), f"{name!r} in it is no plain file")
        if name in seen:
            raise BundleUnreadable(str(bundle_file), f"it has two files called {name!r}")
        seen.add(name)
    if lacking := {NOTEBOOK, MANIFEST} - seen:
        raise BundleUnreadable(str(bundle_file), f"it has no {sorted(lacking)[0]}")
    if len(entries) > MOST_FILES:
        raise BundleUnreadable(str(bundle_file), f"it has more than {MOST_FILES} files")
    if sum(entry.file_size for entry in entries) > most_bytes:
        raise _too_large(bundle_file, most_bytes)
    return entries


def _extract(
    bundle_file: Path,
    bundle: zipfile.ZipFile,
    entries: list[zipfile.ZipInfo],
    directory: Path,
    most_bytes: int,
) -> dict[str, str]:
    hashes, left = {}, most_bytes
    for entry in entries:
        target = directory / entry.filename
        target.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        # The sizes in a zip's directory can lie: what comes out is counted.
        with bundle.open(entry) as source, target.open("xb") as file:
            while piece := source.read(PIECE_BYTES):
                left -= len(piece)
                if left < 0:
                    raise _too_large(bundle_file, most_bytes)
                digest.update(piece)
                file.write(piece)
        hashes[entry.filename] = digest.hexdigest()
    return hashes


def _too_large(bundle_file: Path, most_bytes: int) -> BundleUnreadable:
    reason = f"it unpacks to more than {most_bytes / 1_000_000:,.0f} MB"
    return BundleUnreadable(str(bundle_file), reason)


def _manifest(bundle_file: Path, file: Path) -> Mapping[str, object]:
    try:
        if file.stat().st_size > MOST_MANIFEST_BYTES:
            raise ValueError("it is too large")
        value = json.loads(file.read_bytes())
    except (ValueError, RecursionError):
        raise BundleUnreadable(str(bundle_file), "its manifest can't be read") from None
    return mapping(value)


def _problems(hashes: Mapping[str, str], listed: Mapping[str, str]) -> list[str]:
    found = [f"{name}: the manifest does not list it" for name in sorted(hashes.keys() - {MANIFEST})
             if name not in listed]  # fmt: skip
    found += [
        f"{name}: the bundle does not have it" for name in sorted(listed) if name not in hashes
    ]
    found += [
        f"{name}: its sha256 is not the one in the manifest"
        for name in sorted(listed)
        if name in hashes and hashes[name] != listed[name]
    ]
    return found


def _unlike_the_record(
    notebook: Path, hashes: Mapping[str, str], named: Collection[str]
) -> list[str]:
    """Return which recorded files are other ones, or not there: a manifest can be made anew.

    Those in *named* are left out.
    """
    try:
        recorded = withdraw_undone(read_copy(notebook)[0])
        files = [each for each in files_of(recorded, code_of(recorded)) if each.present]
    except NotebookError:
        return []  # who reads it says why
    found = []
    for file in files:
        if file.name in named:
            continue
        if file.name not in hashes:
            found.append(f"{file.name}: the record names it, and it is not in the bundle")
        elif not is_recorded(notebook.parent / file.name, file.sha256):
            found.append(f"{file.name}: it is not the recorded file")
    return found
