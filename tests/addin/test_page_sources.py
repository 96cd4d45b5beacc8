"""The page's sources: they fit the API, pass their own tests, and are what was built."""

from __future__ import annotations

import filecmp
import gzip
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from kernel_gateway.app import ROUTES
from kernel_gateway.http.openapi import make_document

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "addin"
BUILT = ROOT / "kernel_gateway" / "http" / "addin"
REBUILD = "run `npm --prefix addin run build` and commit kernel_gateway/http/addin"
TOOLS = SOURCES / "node_modules" / ".bin"


check = pytest.mark.check


def run(tool: str, *arguments: str | Path) -> None:
    """Run one of the page's tools; fail with what it printed."""
    assert (TOOLS / tool).exists(), "the page's tools are missing: run `.ci/setup test`"
    environment = {**os.environ, "PATH": f"{sys.prefix}/bin:{os.environ['PATH']}"}
    done = subprocess.run(
        [TOOLS / tool, *arguments],
        cwd=SOURCES,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def api_types(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The types of today's API, as the page's sources import them."""
    document = tmp_path_factory.mktemp("api") / "openapi.json"
    document.write_text(json.dumps(make_document(ROUTES)))
    run("openapi-typescript", document, "-o", SOURCES / "src" / "api" / "schema.d.ts")


@check
def test_the_page_fits_todays_api(api_types: None) -> None:
    run("tsc", "--noEmit")


def test_the_page_passes_its_own_tests() -> None:
    run("vitest", "run", "--reporter=dot")


@check
def test_what_is_served_was_built_from_these_sources(tmp_path: Path) -> None:
    run("vite", "build", "--outDir", tmp_path, "--logLevel", "error")

    names = {p.relative_to(tmp_path) for p in tmp_path.rglob("*") if p.is_file()}
    assert names == {p.relative_to(BUILT) for p in BUILT.rglob("*") if p.is_file()}, REBUILD
    different = filecmp.cmpfiles(tmp_path, BUILT, [str(n) for n in names], shallow=False)
    assert different[1:] == ([], []), REBUILD


def packed(files: Iterable[Path]) -> int:
    return sum(len(gzip.compress(file.read_bytes())) for file in files)


@check
def test_the_page_is_small_enough_to_open_at_once() -> None:
    """What the first screen needs is small; the rest is loaded when that stands."""
    page = BUILT / "index.html"
    named = re.findall(r"/addin/(assets/[^\"]+)", page.read_text())
    first = [page, *(BUILT / name for name in named)]

    assert packed(first) <= 225_000
    assert packed(p for p in BUILT.rglob("*.*") if p.is_file()) <= 340_000


@check
def test_no_package_host_is_written_in_the_lock_file() -> None:
    locked = json.loads((SOURCES / "package-lock.json").read_text())

    assert not [name for name, each in locked["packages"].items() if "resolved" in each]
    wanted = json.loads((SOURCES / "package.json").read_text())
    versions = {**wanted["dependencies"], **wanted["devDependencies"]}
    assert not [name for name, version in versions.items() if not version[0].isdigit()]


@check
def test_the_lock_file_names_every_package_so_that_a_clean_install_works() -> None:
    packages = json.loads((SOURCES / "package-lock.json").read_text())["packages"]
    names = {path.rpartition("node_modules/")[2] for path in packages}

    wanted = {
        name
        for package in packages.values()
        for kind in ("dependencies", "optionalDependencies")
        for name in package.get(kind, {})
    }
    assert wanted <= names, f"missing: {wanted - names}"
