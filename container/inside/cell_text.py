"""What IPython makes of a cell's text before Python reads it.

Magics, ``!``, ``?``, prompts and indented text are transformed as everywhere. What IPython
would do beyond that with a lone line (call a magic named without its ``%``, paste a macro)
depends on names that exist while the code runs, so a check that was made before is of no
use: that is left out.

Source: "Custom input transformation" in IPython's documentation.
"""

from __future__ import annotations

import re
from typing import Any

from . import patches  # noqa: TID252 (it has two names: inside a sandbox, and outside)

_MAY_CHANGE = re.compile(
    r"""
    \A(?:\s|\Z)                                   # begins with an empty line, or indented
    | ^[ \t]+$                                    # an empty line with blanks, which they lose
    | ^[ \t]*[,;/]                                # calls in short
    | [%!?]                                       # magics, shell, help
    | \.\.\. | >>> | In[ ]\[                      # prompts
    | [\r\v\f\x1c-\x1e\x85\u2028\u2029]           # ends of lines that Python does not know
    """,
    re.MULTILINE | re.VERBOSE,
)


def is_python(text: str) -> bool:
    """Whether IPython would leave *text* as it is; ``False`` where that takes a closer look."""
    return _MAY_CHANGE.search(text) is None


def apply(shell: Any) -> None:
    """Let *shell*, IPython's interactive shell, transform only what a check can follow.

    What is Python already is not taken apart to find that out.
    """
    transform = shell.input_transformer_manager.transform_cell

    def transform_cell(text: str) -> str:
        if is_python(text):
            return text if text.endswith("\n") else text + "\n"
        transformed: str = transform(text)
        return transformed

    def prefilter_lines(text: str, continue_prompt: bool = False) -> str:  # noqa: FBT001, FBT002
        return text.rstrip("\n")

    if patches.wanted("python_as_it_is"):
        shell.input_transformer_manager.transform_cell = transform_cell
    shell.prefilter_manager.prefilter_lines = prefilter_lines
