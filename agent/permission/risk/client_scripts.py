"""Scripts that Jupyter clients run by themselves, allowed by their exact text.

A variable inspector needs calls that are otherwise high risk (``sys``, ``eval`` of a name).
It always sends the same text, so exactly that text is allowed. A changed text is assessed
like other code. The kernel's audit hook applies to these scripts too.
"""

from __future__ import annotations

import hashlib

KNOWN_SCRIPTS = {
    "24ab631bf1498dbb66f0c197a784ec4ce417172851e009c116ac00d11a010e4d": (
        "lckr-jupyterlab-variableinspector 3.1.0 to 3.2.1"
    ),
    "e63497b96b0f4f5a96da2d1b39ddd373335d35a069232146a6642fd13814b962": (
        "lckr-jupyterlab-variableinspector 3.2.2"
    ),
    "4da1456b28c76bcf7a8ab1e80d2a0a2c7ddeca6e72818c8657470a0ade71503c": (
        "lckr-jupyterlab-variableinspector 3.2.3"
    ),
    "d0e78716ea85964124c795c3c5675b5a4b21af47cda2343b51a83ab9678bc43f": (
        "lckr-jupyterlab-variableinspector 3.2.4"
    ),
}
"""sha256 of a script, stripped of white space at both ends → the client it belongs to."""


def is_known_script(code: str) -> bool:
    """Return whether *code* is exactly a known client's script."""
    digest = hashlib.sha256(code.strip().encode("utf-8", "surrogatepass")).hexdigest()
    return digest in KNOWN_SCRIPTS
