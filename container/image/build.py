"""Build the kernels' image: ``python -m container.image.build [--base IMAGE] [--tag TAG]``.

Without ``--base`` the base is made here by debootstrap, from the mirror and suite this host
itself installs from: no container registry is needed. The packages come from the index pip
is configured for; nothing is fetched while the image is built. An image that was made from the
same is left as it is. Where no Docker Engine answers, root starts one for the length of the build.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import platformdirs
from docker.errors import APIError, DockerException, ImageNotFound

from container.host.environment import DEFAULT_IMAGE
from container.image.engine import NoDockerEngine, docker_engine
from container.image.progress import run_showing, say, show

KERNEL_PACKAGES = frozenset(
    """
    ipykernel matplotlib numpy openpyxl pandas python-calamine xlsxwriter bash-kernel lxml odfpy
    pyxlsb xlrd scipy seaborn statsmodels tqdm numpy-financial
    """.split()
)
SOURCE_PACKAGES = frozenset({"odfpy"})
"""Packages in plain Python that the index has no wheel of; theirs is built here."""
BASE_PACKAGES = "python3,python3-venv,fontconfig,fonts-dejavu-core"
CONTAINERFILE = Path(__file__).with_name("Containerfile")
MADE_FROM, BASE = "tallybook.made-from", "tallybook.base"
"""Labels of the image: a hash of its sources, and the ``--base`` it was built with, if any."""


class ImageBuildFailed(RuntimeError):
    """The image could not be built; the message says why and what to do."""


def requirements() -> list[str]:
    """Return the kernel's packages, pinned as this project pins them."""
    pins = importlib.metadata.requires("tallybook") or []
    names = {pin: re.split(r"[\[=<>! ;]", pin)[0].lower() for pin in pins}
    return sorted(pin for pin, name in names.items() if name in KERNEL_PACKAGES and ";" not in pin)


def _from_source(wanted: list[str]) -> list[str]:
    return [pin for pin in wanted if re.split(r"[=<>!]", pin)[0].lower() in SOURCE_PACKAGES]


def host_suite() -> tuple[str, str]:
    """Return this host's release code name and the address of the mirror apt uses for it.

    Raises:
        ImageBuildFailed: The host is not Debian or Ubuntu, or apt knows no mirror.
    """
    release = dict(
        line.split("=", 1)
        for line in Path("/etc/os-release").read_text().splitlines()
        if "=" in line
    )
    suite = release.get("VERSION_CODENAME", "").strip('"')
    listed = subprocess.run(
        ["/usr/bin/apt-get", "indextargets", "--format", "$(RELEASE) $(SITE)"],
        capture_output=True, text=True, check=False,
    ).stdout  # fmt: skip
    for line in listed.splitlines():
        name, _, site = line.partition(" ")
        if name == suite:
            return suite, site
    raise ImageBuildFailed(
        f"apt knows no mirror for {suite or 'this system'}; name a base: --base IMAGE"
    )


def base_name() -> str:
    """Return the name of the base made here, from this host's release and the packages.

    Raises:
        ImageBuildFailed: As `host_suite`.
    """
    packages = hashlib.sha256(BASE_PACKAGES.encode()).hexdigest()[:8]
    return f"tallybook-base:{host_suite()[0]}-{packages}"


def made_from(base: str) -> str:
    """Return a hash of everything that determines the content of an image on *base*.

    Raises:
        ImageBuildFailed: *base* is empty, and none can be made here.
    """
    parts = [base or base_name(), CONTAINERFILE.read_text(), *requirements()]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def is_current(client: docker.DockerClient, tag: str, base: str | None = None) -> bool:
    """Whether image *tag* exists and its sources have not changed.

    Args:
        client: The engine to ask.
        tag: The image's name.
        base: The base it must be built on; ``None`` for the one it was built on.
    """
    try:
        labels = client.images.get(tag).labels
    except ImageNotFound:
        return False
    base = labels.get(BASE, "") if base is None else base
    return bool(labels.get(MADE_FROM) == made_from(base))


def make_base(client: docker.DockerClient, cache: Path) -> str:
    """Make the base with debootstrap unless it exists, and return its image name.

    Raises:
        ImageBuildFailed: Not root, or debootstrap is missing or failed.
    """
    name = base_name()
    if client.images.list(name):
        return name
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        raise ImageBuildFailed(
            "making a base needs root and debootstrap (apt-get install debootstrap); "
            "or name one: --base IMAGE"
        )
    repository, _, tag = name.partition(":")
    archive = cache / f"base-{tag}.tar"
    if not archive.exists():
        _bootstrap(archive)
    say("importing the base")
    client.api.import_image_from_file(str(archive), repository=repository, tag=tag)
    return name


def _bootstrap(archive: Path) -> None:
    suite, mirror = host_suite()
    with tempfile.TemporaryDirectory(prefix="tallybook-base-") as directory:
        root = Path(directory, "root")
        log = archive.with_name("debootstrap.log")
        command = ["debootstrap", "--variant=minbase", f"--include={BASE_PACKAGES}"]
        if run_showing(
            f"making a {suite} base with debootstrap", [*command, suite, str(root), mirror], log
        ):
            raise ImageBuildFailed(f"debootstrap failed; read {log}")
        for leftover in ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/man"):
            shutil.rmtree(root / leftover, ignore_errors=True)
        part = archive.with_suffix(".part")
        subprocess.run(["/usr/bin/tar", "-C", str(root), "-cf", str(part), "."], check=True)
        part.rename(archive)


def python_of(client: docker.DockerClient, base: str) -> str:
    """Return the version of *base*'s Python, as ``3.11``."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    said: bytes = client.containers.run(
        base, ["python3", "-c", code], remove=True, network_mode="none"
    )
    return said.decode().strip()


def build(tag: str, base: str | None) -> str:
    """Build the image unless it is current, and return its id.

    Args:
        tag: Its name.
        base: An image to build on; ``None`` makes one.

    Raises:
        ImageBuildFailed: Docker does not answer, or a step failed.
    """
    try:
        client = docker.from_env(timeout=600)
        client.ping()
    except DockerException as error:
        raise ImageBuildFailed(f"the Docker Engine does not answer ({error}); start it") from error
    try:
        if is_current(client, tag, base or ""):
            say("nothing it is made from has changed")
        else:
            _build(client, tag, base)
        return str(client.images.get(tag).id)
    except APIError as error:
        raise ImageBuildFailed(f"Docker refused: {error}") from error
    finally:
        client.close()


def _build(client: docker.DockerClient, tag: str, base: str | None) -> None:
    cache = platformdirs.user_cache_path("tallybook", ensure_exists=True)
    on = base or make_base(client, cache)
    version = python_of(client, on)
    with tempfile.TemporaryDirectory(prefix="tallybook-image-") as directory:
        context = Path(directory)
        wanted = requirements()
        (context / "requirements.txt").write_text("\n".join(wanted) + "\n")
        shutil.copy(CONTAINERFILE, context / "Containerfile")
        _fetch(context / "wheels", version, wanted)
        said = client.api.build(
            path=str(context), dockerfile="Containerfile", tag=tag, network_mode="none",
            buildargs={"BASE": on}, labels={MADE_FROM: made_from(base or ""), BASE: base or ""},
            rm=True, forcerm=True, decode=True,
        )  # fmt: skip
        show("building", _lines(said))


def _lines(said: Iterator[dict[str, Any]]) -> Iterator[str]:
    """Yield the lines the engine prints while it builds.

    Raises:
        ImageBuildFailed: The engine reports that a step failed.
    """
    for message in said:
        if "error" in message:
            raise ImageBuildFailed(f"Docker could not build it: {message['error']}")
        yield str(message.get("stream", ""))


def _fetch(target: Path, version: str, wanted: list[str]) -> None:
    log = target.with_name("pip.log")
    pip = [sys.executable, "-m", "pip"]
    build = [*pip, "wheel", "--progress-bar=off", "--no-deps", "--wheel-dir", str(target)]
    download = [*pip, "download", "--progress-bar=off", "--dest", str(target)]
    download += ["--find-links", str(target), "--python-version", version]
    download += ["--only-binary", ":all:", *wanted]
    for what, command in (
        ("building wheels of plain Python", [*build, *_from_source(wanted)]),
        (f"fetching packages for Python {version}", download),
    ):
        if run_showing(what, command, log):
            raise ImageBuildFailed(f"{what} failed: {log.read_text().strip()[-500:]}")


def main() -> None:
    """Build the image and print the result."""
    parser = argparse.ArgumentParser(prog="make image", description=__doc__)
    parser.add_argument("--base", help="image to build on (default: made by debootstrap)")
    parser.add_argument("--tag", default=DEFAULT_IMAGE, help="name of the image")
    options = parser.parse_args()
    try:
        with docker_engine():
            say(f"{options.tag} is ready ({build(options.tag, options.base)[:19]})")
    except (ImageBuildFailed, NoDockerEngine) as error:
        sys.exit(f"image: {error}")


if __name__ == "__main__":
    main()
