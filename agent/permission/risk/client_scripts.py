"""Scripts that Jupyter clients run by themselves, known by their exact text.

A variable inspector needs what never runs otherwise (``sys``, ``eval`` of a name). It sends
the same text each time, so the text itself is what is allowed: any change is judged like
all other code, and the kernel's audit hook refuses what never runs whichever text it is in.
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
"""sha256 of a script, without white space around it, and whose it is."""


def is_known_script(code: str) -> bool:
    """Return whether *code* is, to the letter, a script of a known client."""
    digest = hashlib.sha256(code.strip().encode("utf-8", "surrogatepass")).hexdigest()
    return digest in KNOWN_SCRIPTS
