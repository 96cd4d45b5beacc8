"""Ed25519 keys that sign notebooks, and the public keys that verify them.

A private key is in one file of its own (PEM, PKCS #8, mode 0600), outside every workspace, or comes
from a key management service. Public keys are never deleted: notebooks signed with a
former key still verify. Sources: RFC 8032 (Ed25519), RFC 8410 (its PEM).
"""

from __future__ import annotations

import base64
import binascii
import functools
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from notebooks.errors import SigningKeyUnusable
from notebooks.record.cells import utc_now
from notebooks.record.files import advisory_lock, replace_atomically

PRIVATE, PUBLIC, LOCK = "signing.pem", "public.json", "lock"
KEY_ID_DIGITS = 16
_BEGIN, _END = "-----BEGIN ", "-----END PUBLIC KEY-----"
MOST_KEY_BYTES = 1_000_000


class Signer(Protocol):
    """Signs bytes with a key that it does not show; a KMS client may implement it."""

    @property
    def public_key(self) -> str:
        """The public key as PEM text."""

    @property
    def key_id(self) -> str:
        """The id of the key; see `key_id_of`."""

    def sign(self, message: bytes) -> bytes:
        """Return the Ed25519 signature over *message*, 64 bytes."""


class PrivateKeySigner:
    """A `Signer` with the private key in memory."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public_key = _pem(key.public_key())
        self.key_id = key_id_of(key.public_key())

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedKey:
    """A public key as it is published.

    Attributes:
        id: First digits of the sha256 of the raw key.
        public_key: PEM text.
        created_at: When it was made, or first used; ISO 8601.
        retired_at: When a new key replaced it; ``None`` for the one in force.
    """

    id: str
    public_key: str
    created_at: str
    retired_at: str | None = None


def key_id_of(key: Ed25519PublicKey) -> str:
    """Return the id of a public key."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:KEY_ID_DIGITS]


def is_signature(key: Ed25519PublicKey, signature: object, message: bytes) -> bool:
    """Whether *signature* (base64 text) is the key's signature over *message*."""
    try:
        key.verify(base64.b64decode(str(signature), validate=True), message)
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


class KeyRing:
    """The service's signing keys in a directory: one in force, and all public keys so far."""

    def __init__(self, directory: Path, *, private_pem: str | None = None) -> None:
        """Open the keys in *directory*; make the first one if there is none.

        Args:
            directory: Made if missing, mode 0700; only public keys are in it with *private_pem*.
            private_pem: The private key, from a key management service.

        Raises:
            SigningKeyUnusable: The key or the list of public keys is damaged.
            OSError: The directory can't be written.
        """
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._given = None if private_pem is None else _signer(private_pem, "signing_key_command")
        self._read: tuple[tuple[int, int], PrivateKeySigner] | None = None
        with _locked(directory):
            if self._given is None and not (directory / PRIVATE).exists():
                _write_private(directory / PRIVATE, Ed25519PrivateKey.generate())
            self._publish(self.signer())

    @property
    def rotates(self) -> bool:
        """Whether `rotate` can replace the key: not one of a key management service."""
        return self._given is None

    def signer(self) -> PrivateKeySigner:
        """Return the key in force; another process may have rotated it.

        Raises:
            SigningKeyUnusable: Its file is gone or damaged.
        """
        if self._given is not None:
            return self._given
        file = self.directory / PRIVATE
        try:
            if self._read is not None and not file.exists():
                return self._read[1]  # a record that is running is not lost for that
            state = file.stat()
            stamp = (state.st_ino, state.st_mtime_ns)
            if self._read is None or self._read[0] != stamp:
                self._read = stamp, _signer(file.read_text(), str(file))
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is no text"
            raise SigningKeyUnusable(str(file), reason) from None
        return self._read[1]

    def rotate(self) -> PublishedKey:
        """Make a new key and delete the private half of the one in force; return the new one."""
        with _locked(self.directory):
            key = Ed25519PrivateKey.generate()
            self._publish(PrivateKeySigner(key))  # first: no signature by an unpublished key
            _write_private(self.directory / PRIVATE, key)
        return self.published()[-1]

    def published(self) -> Sequence[PublishedKey]:
        """Return all public keys, the one in force last.

        Raises:
            SigningKeyUnusable: Their file is damaged.
        """
        file = self.directory / PUBLIC
        if not file.exists():
            return []
        try:
            return [PublishedKey(**entry) for entry in json.loads(file.read_text())["keys"]]
        except (OSError, ValueError, TypeError, KeyError):
            raise SigningKeyUnusable(str(file), "it is no list of public keys") from None

    def _publish(self, signer: PrivateKeySigner) -> None:
        keys, now = list(self.published()), utc_now()
        if keys and keys[-1].id == signer.key_id and keys[-1].retired_at is None:
            return
        earlier = [
            PublishedKey(**{**asdict(key), "retired_at": key.retired_at or now})
            for key in keys
            if key.id != signer.key_id
        ]
        new = PublishedKey(id=signer.key_id, public_key=signer.public_key, created_at=now)
        content = json.dumps({"keys": [asdict(key) for key in (*earlier, new)]}, indent=1)
        replace_atomically(self.directory / PUBLIC, content.encode())


def own_signer(file: Path) -> PrivateKeySigner:
    """Return the private key in *file*; make it at its first use, mode 0600.

    Raises:
        SigningKeyUnusable: The file is no Ed25519 private key.
        OSError: It can't be written.
    """
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not file.exists():
        _write_private(file, Ed25519PrivateKey.generate())
    try:
        return _signer(file.read_text(), str(file))
    except UnicodeDecodeError:
        raise SigningKeyUnusable(str(file), "it is no text") from None


def public_keys(file: Path) -> dict[str, Ed25519PublicKey]:
    """Read public keys: PEM (one or several), or the JSON of ``GET /api/v1/keys``.

    Returns:
        Key id → key.

    Raises:
        SigningKeyUnusable: There is no such file, or no Ed25519 public key in it.
    """
    try:
        with file.open("rb") as source:
            text = source.read(MOST_KEY_BYTES).decode()
    except OSError as error:
        raise SigningKeyUnusable(str(file), error.strerror or "it can't be opened") from None
    except UnicodeDecodeError:
        raise SigningKeyUnusable(str(file), "it is no text") from None
    if "PRIVATE KEY" in text:
        reason = "it is a private key, which nobody needs to verify; name the public one"
        raise SigningKeyUnusable(str(file), reason)
    if text.lstrip().startswith("{"):
        text = _pems_in_json(text, file)
    keys = {}
    for part in text.split(_END)[:-1]:
        key = public_key(part[part.rfind(_BEGIN) :] + _END if _BEGIN in part else "")
        if key is None:
            raise SigningKeyUnusable(str(file), "a key in it is no Ed25519 public key")
        keys[key_id_of(key)] = key
    if not keys:
        raise SigningKeyUnusable(str(file), "there is no public key (PEM) in it")
    return keys


@functools.lru_cache(maxsize=64)
def public_key(pem: str) -> Ed25519PublicKey | None:
    """Return the Ed25519 public key in *pem*; ``None`` if it is none."""
    try:
        key = load_pem_public_key(pem.encode("utf-8", "replace"))
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, Ed25519PublicKey) else None


def _pems_in_json(text: str, file: Path) -> str:
    try:
        entries: Any = json.loads(text)["keys"]
        return "\n".join(str(entry["public_key"]) for entry in entries)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise SigningKeyUnusable(str(file), "it is JSON without a list of keys") from None


def _signer(pem: str, source: str) -> PrivateKeySigner:
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise SigningKeyUnusable(source, "it is no private key in PEM without a password") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise SigningKeyUnusable(source, "it is a private key, but not for Ed25519")
    return PrivateKeySigner(key)


def _write_private(file: Path, key: Ed25519PrivateKey) -> None:
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    before = os.umask(0o077)
    try:
        replace_atomically(file, pem)
    finally:
        os.umask(before)


def _pem(key: Ed25519PublicKey) -> str:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _locked(directory: Path) -> Any:
    """Hold the directory's lock; wait for another gateway that makes or rotates a key."""
    return advisory_lock(directory / LOCK, wait=True)


def signature_to_json(signer: Signer, message: bytes) -> Mapping[str, str]:
    """Return key id and signature (base64) over *message*."""
    value = base64.b64encode(signer.sign(message)).decode()
    return {"keyid": signer.key_id, "sig": value}
