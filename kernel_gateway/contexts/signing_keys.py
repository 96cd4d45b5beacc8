"""The service's signing keys: in its data directory, or from a key management service."""

from __future__ import annotations

from kernel_gateway.contexts.versions import said_by
from kernel_gateway.settings import Settings, SettingsInvalid
from notebooks.errors import SigningKeyUnusable
from notebooks.ledger.signing import KeyRing

DIRECTORY = "keys"


def open_key_ring(settings: Settings) -> KeyRing:
    """Open the signing keys of *settings*; make the first one, or run the key command.

    Raises:
        SettingsInvalid: The key command failed, or the key can't be used.
    """
    command = settings.signing_key_command
    given = None if command is None else said_by("signing_key_command", command)
    try:
        return KeyRing(settings.data_dir / DIRECTORY, private_pem=given)
    except SigningKeyUnusable as error:
        raise SettingsInvalid(f"The signing key: {error}") from None
