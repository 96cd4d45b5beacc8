"""Assess a cell by the rules of its language.

Bash, JavaScript and TypeScript are parsed by tree-sitter. What their rules
(``language_rules.toml``) don't know is asked for; what can't be parsed never runs. No audit hook
watches these kernels, so the sandbox alone confines what was allowed.
"""

from __future__ import annotations

from agent.permission.risk.assess import assess
from agent.permission.risk.findings import Assessment
from container.kernel.languages import PYTHON


def assess_in(language: str, code: str) -> Assessment:
    """Return the findings in *code*, or why it can't be parsed.

    Args:
        language: One of `container.kernel.languages.KERNEL_OF`.
        code: The cell's source.
    """
    if language == PYTHON:
        return assess(code)
    # Imported late: most cells are Python, and the parsers take some memory.
    from agent.permission.risk import script, shell
    from agent.permission.risk.syntax_tree import TooDeep

    try:
        if language == "bash":
            return shell.assess_bash(code)
        return script.assess_script(code)
    except TooDeep:
        return Assessment(syntax_error="SyntaxError: the code is nested too deeply")
