"""Build the kernels' image: ``python -m container.image.build [--base IMAGE] [--tag TAG]``.

Without ``--base`` the base is made here by debootstrap, from the mirror and suite this host
itself installs from: no container registry is needed. The packages come from the index pip
is configured for; nothing is fetched while the image is built.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import docker
import platformdirs
from docker.errors import APIError, BuildError, DockerException

from container.kernel_environment import DEFAULT_IMAGE

KERNEL_PACKAGES = frozenset(
    "ipykernel matplotlib numpy openpyxl pandas python-calamine xlsxwriter bash-kernel".split()
)
BASE_PACKAGES = "python3,python3-venv,fontconfig,fonts-dejavu-core"


class ImageBuildFailed(RuntimeError):
    """The image could not be built; the message says why and what to do."""


def say(text: str) -> None:
    """Tell the user how far it is."""
    print(f"image: {text}", flush=True)  # noqa: T201


def requirements() -> list[str]:
    """Return the kernel's packages, pinned as this project pins them."""
    pins = importlib.metadata.requires("tallybook") or []
    names = {pin: re.split(r"[\[=<>! ;]", pin)[0].lower() for pin in pins}
    return sorted(pin for pin, name in names.items() if name in KERNEL_PACKAGES and ";" not in pin)


def host_suite() -> tuple[str, str]:
    """Return this host's release code name and the address of the mirror apt uses for it.

    Raises:
        ImageBuildFailed: It is no Debian or Ubuntu, or apt knows no mirror.
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


def make_base(client: docker.DockerClient, cache: Path) -> str:
    """Make the base with debootstrap, once, and return its image name.

    Raises:
        ImageBuildFailed: Not root, or debootstrap is missing or failed.
    """
    suite, mirror = host_suite()
    name = f"tallybook-base:{suite}"
    if client.images.list(name):
        return name
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        raise ImageBuildFailed(
            "making a base needs root and debootstrap (apt-get install debootstrap); "
            "or name one: --base IMAGE"
        )
    archive = cache / f"base-{suite}.tar"
    if not archive.exists():
        say(f"making a {suite} base with debootstrap (a minute or two)")
        with tempfile.TemporaryDirectory(prefix="tallybook-base-") as directory:
            root = Path(directory, "root")
            log = cache / "debootstrap.log"
            command = ["debootstrap", "--variant=minbase", f"--include={BASE_PACKAGES}"]
            with log.open("wb") as output:
                done = subprocess.run(
                    [*command, suite, str(root), mirror], stdout=output, stderr=output, check=False
                )
            if done.returncode:
                raise ImageBuildFailed(f"debootstrap failed; read {log}")
            for leftover in (
                "var/cache/apt",
                "var/lib/apt/lists",
                "usr/share/doc",
                "usr/share/man",
            ):
                shutil.rmtree(root / leftover, ignore_errors=True)
            part = archive.with_suffix(".part")
            subprocess.run(["/usr/bin/tar", "-C", str(root), "-cf", str(part), "."], check=True)
            part.rename(archive)
    say("importing the base")
    client.api.import_image_from_file(str(archive), repository="tallybook-base", tag=suite)
    return name


def python_of(client: docker.DockerClient, base: str) -> str:
    """Return the version of *base*'s Python, as ``3.11``."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    said: bytes = client.containers.run(
        base, ["python3", "-c", code], remove=True, network_mode="none"
    )
    return said.decode().strip()


def build(tag: str, base: str | None) -> str:
    """Build the image and return its id.

    Args:
        tag: Its name.
        base: An image to build on; ``None`` makes one.

    Raises:
        ImageBuildFailed: Docker does not answer, or a step failed.
    """
    cache = platformdirs.user_cache_path("tallybook", ensure_exists=True)
    try:
        client = docker.from_env(timeout=600)
        client.ping()
    except DockerException as error:
        raise ImageBuildFailed(f"the Docker Engine does not answer ({error}); start it") from error
    try:
        base = base or make_base(client, cache)
        version = python_of(client, base)
        with tempfile.TemporaryDirectory(prefix="tallybook-image-") as directory:
            context = Path(directory)
            wanted = requirements()
            (context / "requirements.txt").write_text("\n".join(wanted) + "\n")
            shutil.copy(Path(__file__).with_name("Containerfile"), context / "Containerfile")
            say(f"fetching packages for Python {version}")
            _fetch(context / "wheels", version, wanted)
            say("building")
            image, _ = client.images.build(
                path=str(context), dockerfile="Containerfile", tag=tag, network_mode="none",
                buildargs={"BASE": base}, rm=True, forcerm=True,
            )  # fmt: skip
    except (APIError, BuildError) as error:
        raise ImageBuildFailed(f"Docker refused: {error}") from error
    finally:
        client.close()
    return str(image.id)


def _fetch(target: Path, version: str, wanted: list[str]) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--dest", str(target)]
    command += ["--python-version", version, "--only-binary", ":all:", *wanted]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ImageBuildFailed(f"pip can't fetch the packages: {done.stderr.strip()[-500:]}")


def main() -> None:
    """Build and say what came of it."""
    parser = argparse.ArgumentParser(prog="make image", description=__doc__)
    parser.add_argument("--base", help="image to build on (default: made by debootstrap)")
    parser.add_argument("--tag", default=DEFAULT_IMAGE, help="name of the image")
    options = parser.parse_args()
    try:
        say(f"built {options.tag} ({build(options.tag, options.base)[:19]})")
    except ImageBuildFailed as error:
        sys.exit(f"image: {error}")


if __name__ == "__main__":
    main()
