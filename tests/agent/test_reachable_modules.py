"""No module that never runs, or asks, can be reached through one that needs no permission."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from agent.permission.risk.assess import assess
from agent.permission.risk.modules import HIGH_MODULES, LOW_MODULES, NETWORK_MODULES

PROGRAM = Path(__file__).with_name("reachable_modules.py")
PARTS = ("matplotlib.pyplot", "pandas.io.common", "pandas.io.excel", "openpyxl.reader.excel")


@pytest.fixture(scope="module")
def reachable():
    command = [sys.executable, str(PROGRAM), *sorted(LOW_MODULES), *PARTS]
    shown = subprocess.run(command, capture_output=True, check=True, timeout=100)
    return json.loads(shown.stdout)


def top_of(module):
    return module.split(".")[0].strip("_") or module


def test_every_chain_from_a_low_module_to_a_forbidden_one_is_found(reachable):
    """``random._os``, ``pandas.io.common.os``, ``statistics.sys`` and all others there are."""
    chains = [
        (start, path)
        for start, paths in reachable.items()
        for path, module in paths
        if top_of(module) in HIGH_MODULES and module.split(".")[0] != "IPython"
    ]

    missed = [path for start, path in chains if assess(f"import {start}\n{path}.x").tier != "high"]

    assert len(chains) > 500
    assert missed == []


def test_every_chain_from_a_low_module_to_the_network_asks_at_least(reachable):
    chains = [
        (start, path)
        for start, paths in reachable.items()
        for path, module in paths
        if module.split(".")[0] in NETWORK_MODULES and module != "urllib.parse"
    ]

    missed = [path for start, path in chains if assess(f"import {start}\n{path}.x").tier == "low"]

    assert len(chains) > 5
    assert missed == []


@pytest.mark.parametrize(
    "form",
    [
        "import {start}\nm = {path}\nm.system('id')",
        "from {parent} import {name} as m\nm.system('id')",
        "from {parent} import *\n{name}.system('id')",
        "import {start} as a\nb = a\n(c := b)\nd, e = c, 1\nd{tail}.system('id')",
        "import {start} as a\nfor m in [a]:\n    m{tail}.system('id')",
        "import {start} as a\ndef f(m):\n    m{tail}.system('id')\nf(a)",
        "import {start} as a\nf = lambda m=a: m{tail}.system('id')",
        "import {start} as a\nmatch a:\n    case object({first}=m):\n        m.system('id')",
        "import {start} as a\ngetattr(a, '{first}').system('id')",
    ],
)
def test_a_chain_is_followed_through_every_form_of_binding(form, reachable):
    for path in ("pandas.io.common.os", "random._os", "matplotlib.pyplot.sys"):
        parts = path.split(".")
        start = path.rpartition(".")[0] if parts[0] == "pandas" else parts[0]
        start = "matplotlib.pyplot" if parts[0] == "matplotlib" else start
        tail = path[len(start) :]
        code = form.format(
            start=start,
            path=path,
            parent=start,
            name=parts[-1],
            tail=tail,
            first=parts[-1],
        )
        assert assess(code).tier != "low", code
