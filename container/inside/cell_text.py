"""Limit IPython's transformation of a cell's text to what the risk check can follow.

Magics, ``!``, ``?``, prompts and indented text are transformed as usual. IPython would also
rewrite a single line that names a magic without ``%``, or a macro. That depends on names
defined at run time, which a check before the run can't know, so it is turned off.

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
    """Whether IPython leaves *text* unchanged; ``False`` if it may change it."""
    return _MAY_CHANGE.search(text) is None


def apply(shell: Any) -> None:
    """Limit *shell*, IPython's interactive shell, to transformations a check can follow.

    Text that is plain Python skips IPython's transformers.
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
