"""The service's own TLS: the certificate it shows, and one for trying things on this machine."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from kernel_gateway.settings import SettingsInvalid

if TYPE_CHECKING:
    from cryptography.x509 import GeneralName

SELF_SIGNED_DAYS = 365


def server_context(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    """Return the TLS context of the settings, or ``None`` if neither file is set.

    Args:
        certificate: PEM file: the service's certificate, then those up to its authority.
        key: PEM file with its private key, not encrypted.

    Raises:
        SettingsInvalid: One of the two is missing or unfit; the message says which, and why.
    """
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        present, missing = ("key", "cert") if certificate is None else ("cert", "key")
        raise SettingsInvalid(
            f"Setting tls_{present} (TALLYBOOK_TLS_{present.upper()}) is set, but tls_{missing} is "
            f"not. TLS needs both: give --tls-{missing} FILE too."
        )
    _check_readable("cert", certificate, b"CERTIFICATE")
    _check_readable("key", key, b"PRIVATE KEY")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key, password=_refuse_password)
    except _Encrypted:
        raise SettingsInvalid(
            f"The key {key} is encrypted, and the service asks for no password. Decrypt it: "
            f"openssl pkey -in {key} -out FILE."
        ) from None
    except ssl.SSLError as error:
        raise SettingsInvalid(_reason(error, certificate, key)) from None
    return context


class _Encrypted(Exception):
    """The private key needs a password."""


def _refuse_password() -> str:
    raise _Encrypted


def _check_readable(name: str, file: Path, kind: bytes) -> None:
    setting = f"Setting tls_{name} (TALLYBOOK_TLS_{name.upper()})"
    try:
        content = file.read_bytes()
    except OSError as error:
        raise SettingsInvalid(f"{setting}: {file} can't be read: {error.strerror}.") from None
    if kind not in content:
        wanted = "certificate" if name == "cert" else "private key"
        raise SettingsInvalid(
            f"{setting}: {file} holds no {wanted} in PEM form (a line '-----BEGIN … "
            f"{kind.decode()}-----')."
        )


def _reason(error: ssl.SSLError, certificate: Path, key: Path) -> str:
    if error.reason == "KEY_VALUES_MISMATCH":
        return f"The key {key} does not belong to the certificate {certificate}."
    return (
        f"The certificate {certificate} and the key {key} can't be used: "
        f"{(error.reason or 'no valid PEM').replace('_', ' ').lower()}."
    )


def make_self_signed(names: list[str]) -> tuple[bytes, bytes]:
    """Return a new certificate and its private key, both PEM.

    Nobody trusts it until it is added to the system's trusted certificates. It can sign no
    others. Source: RFC 5280, sections 4.2.1.6, 4.2.1.9 and 4.2.1.12.

    Args:
        names: Host names and IP addresses it is for, at least one.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Tallybook on {names[0]}"[:64])])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=SELF_SIGNED_DAYS))
        .add_extension(
            x509.SubjectAlternativeName([_general_name(n) for n in names]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return certificate.public_bytes(serialization.Encoding.PEM), private


def _general_name(name: str) -> GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)
