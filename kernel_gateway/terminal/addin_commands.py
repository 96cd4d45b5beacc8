"""``tallybook addin``: the task pane in Excel."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

MAC_DIRECTORY = Path("Library/Containers/com.microsoft.Excel/Data/Documents/wef")
"""Where Excel for Mac looks for manifests, in the home directory.
Source: https://learn.microsoft.com/office/dev/add-ins/testing/sideload-an-office-add-in-on-mac"""
DEFAULT_ADDRESS = "https://localhost:8765"
_ADDRESS = click.option(
    "--url", default=DEFAULT_ADDRESS, show_default=True, help="The service's https address."
)
_SYSTEMS = {"win32": "windows", "darwin": "mac"}
_PLATFORM = click.option(
    "--platform",
    type=click.Choice(["windows", "mac", "web"]),
    default=_SYSTEMS.get(sys.platform, "web"),
    show_default="this machine's",
    help="Where Excel runs.",
)


@click.group()
def addin() -> None:
    """Open Tallybook as a pane in Excel."""


@addin.command()
@_ADDRESS
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="File.")
def manifest(url: str, output: Path | None) -> None:
    """Print the manifest for the service at --url, or write it."""
    text = _manifest(url)
    if output is None:
        click.echo(text, nl=False)
    else:
        _write(output, text.encode())
        click.echo(str(output))


@addin.command()
@_ADDRESS
@_PLATFORM
def sideload(url: str, platform: str) -> None:
    """Put the manifest where this Excel finds it, or say how to.

    On a Mac it is put in place; elsewhere it is written here, and the steps are printed.
    """
    text = _manifest(url)
    if platform == "mac" and sys.platform == "darwin":
        target = Path.home() / MAC_DIRECTORY / "tallybook-manifest.xml"
        target.parent.mkdir(parents=True, exist_ok=True)
    else:
        target = Path("tallybook-manifest.xml").absolute()
    _write(target, text.encode())
    click.echo(_SIDELOAD[platform].format(file=target, key=_KEY))


@addin.command()
@click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("tallybook-tls"),
    show_default=True,
    help="Where the certificate and its key go.",
)
@click.option(
    "--name", "names", multiple=True, help="Host name or IP address it is for. [localhost]"
)
@_PLATFORM
def certs(directory: Path, names: tuple[str, ...], platform: str) -> None:
    """Make a certificate for trying Tallybook on this machine; say how to trust it.

    A service for others needs a certificate that their machines trust already.
    """
    from kernel_gateway.tls import make_self_signed

    certificate, key = directory / "cert.pem", directory / "key.pem"
    for file in (certificate, key):
        if file.exists():
            raise click.ClickException(f"{file} exists; remove it, or name another --directory.")
    try:
        made = make_self_signed(list(names) or ["localhost", "127.0.0.1", "::1"])
    except ValueError as error:
        raise click.ClickException(f"--name: {error}.") from None
    _write(certificate, made[0])
    _write(key, made[1], mode=0o600)
    click.echo(f"Certificate: {certificate}\nPrivate key: {key}\n")
    click.echo(_TRUST[platform].format(file=certificate.absolute()))
    click.echo(f"\nThen: tallybook serve --tls-cert {certificate} --tls-key {key}")


def _manifest(url: str) -> str:
    from kernel_gateway.http.manifest import ManifestNeedsHttps, make_manifest

    try:
        return make_manifest(url)
    except ManifestNeedsHttps as error:
        raise click.ClickException(f"{error} {error.hint}") from None
    except ValueError as error:
        raise click.ClickException(f"--url: {error}") from None


def _write(file: Path, content: bytes, mode: int = 0o644) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as out:
            out.write(content)
    except OSError as error:
        raise click.ClickException(f"{file} can't be written: {error.strerror}.") from None


_KEY = r"HKCU\Software\Microsoft\Office\16.0\WEF\Developer"
_SIDELOAD = {
    "windows": """The manifest: {file}
1. Register it (copy it to the Windows machine first, if that is another one):
   reg add {key} /v Tallybook /t REG_SZ /d "{file}"
2. Start Excel again: Home, Add-ins, then Tallybook under Developer Add-ins.
To remove it: reg delete {key} /v Tallybook""",
    "mac": """The manifest: {file}
1. It belongs in ~/Library/Containers/com.microsoft.Excel/Data/Documents/wef/
2. Start Excel again: Home, Add-ins, then Tallybook.
To remove it, delete the file from there.""",
    "web": """The manifest: {file}
1. Open a workbook in Excel on the web: Home, Add-ins, More Add-ins.
2. My Add-ins, Upload My Add-in, then choose the file.
To give it to a whole organisation, an administrator uploads it in the Microsoft 365 admin center
under Integrated apps.""",
}
_TRUST = {
    "windows": """Excel opens the pane only if Windows trusts the certificate:
   certutil -addstore -user Root "{file}"
To end that: certutil -delstore -user Root "Tallybook on localhost\"""",
    "mac": """Excel opens the pane only if macOS trusts the certificate:
   security add-trusted-cert -k ~/Library/Keychains/login.keychain-db "{file}"
To end that, delete it in Keychain Access.""",
    "web": """The browser opens the pane only if it trusts the certificate: import it in its
certificate settings, or open the service's address once and accept it.
File: {file}""",
}
