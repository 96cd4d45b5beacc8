"""Sealed (encrypted) files: AES-256-GCM in chunks, so that a file of any size needs little memory.

A sealed file is a header and chunks. Each file has its own key: HKDF-SHA256 of a master key and
a random salt. A chunk's nonce is its number and a flag for the last chunk; the header is
authenticated with each chunk. So no chunk can be dropped, moved, repeated or taken from another
file. Sources: NIST SP 800-38D (GCM); RFC 5869 (HKDF); Hoang, Reyhanitabar, Rogaway, Vizár,
"Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance", 2015 (STREAM).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import struct
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from notebooks.errors import BlobDamaged, SealingKeyInvalid, SealingKeyMissing

CHUNK_BYTES = 1024 * 1024
TAG_BYTES = 16
KEY_BYTES = 32
HEADER = struct.Struct("4s8s16s")
"""Magic number, id of the master key, salt."""
MAGIC = b"TBS1"


class SealingKeys:
    """Master keys: the first one encrypts; each decrypts the files encrypted with it."""

    def __init__(self, keys: Iterable[bytes]) -> None:
        """Use *keys*: at least one, each of `KEY_BYTES` bytes."""
        self._keys = {_key_id(key): key for key in keys}
        self._first = next(iter(self._keys))

    def seal(self, chunks: Iterable[bytes], target: BinaryIO) -> None:
        """Encrypt *chunks*, each of `CHUNK_BYTES` except the last, to *target*."""
        header = HEADER.pack(MAGIC, self._first, os.urandom(16))
        cipher = self._cipher(header)
        target.write(header)
        number, waiting = 0, b""
        for chunk in chunks:
            if number:
                target.write(cipher.encrypt(_nonce(number - 1, last=False), waiting, header))
            number, waiting = number + 1, chunk
        target.write(cipher.encrypt(_nonce(max(number - 1, 0), last=True), waiting, header))

    def open(self, source: BinaryIO) -> Iterator[bytes]:
        """Yield the decrypted chunks of *source*, a sealed file.

        Raises:
            SealingKeyMissing: It was encrypted with none of the keys.
            BlobDamaged: It was changed or cut off.
        """
        header = source.read(HEADER.size)
        if len(header) != HEADER.size or not header.startswith(MAGIC):
            raise BlobDamaged("it is no sealed file")
        cipher = self._cipher(header)
        number, sealed = 0, source.read(CHUNK_BYTES + TAG_BYTES)
        while True:
            following = source.read(CHUNK_BYTES + TAG_BYTES)
            try:
                yield cipher.decrypt(_nonce(number, last=not following), sealed, header)
            except InvalidTag:
                raise BlobDamaged(f"its chunk {number} was changed") from None
            if not following:
                return
            number, sealed = number + 1, following

    def _cipher(self, header: bytes) -> AESGCM:
        _, key_id, salt = HEADER.unpack(header)
        master = self._keys.get(key_id)
        if master is None:
            raise SealingKeyMissing(key_id.hex(), [key.hex() for key in self._keys])
        derived = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=salt, info=MAGIC).derive(master)
        return AESGCM(derived)


def sealing_keys(text: str) -> SealingKeys:
    """Parse keys from *text*: each 32 bytes in base64, separated by white space.

    Raises:
        SealingKeyInvalid: A key is invalid; the message doesn't show it.
    """
    keys = []
    for number, word in enumerate(text.split(), 1):
        try:
            key = base64.b64decode(word, validate=True)
        except binascii.Error:
            raise SealingKeyInvalid(number, "is not base64") from None
        if len(key) != KEY_BYTES:
            raise SealingKeyInvalid(number, f"holds {len(key)} bytes instead of {KEY_BYTES}")
        keys.append(key)
    if not keys:
        raise SealingKeyInvalid(1, "is missing")
    return SealingKeys(keys)


def _nonce(number: int, *, last: bool) -> bytes:
    return struct.pack(">3xQ?", number, last)


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(b"tallybook sealing key" + key).digest()[:8]
