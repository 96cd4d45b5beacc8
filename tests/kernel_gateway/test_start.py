"""A start is quick because it imports only what it needs; what comes later is there when asked."""

import os
import re
import signal
import subprocess
import sys

import pytest

from kernel_gateway.terminal.service_import import UNUSED_FORMATS

LATER = """alembic docutils google.genai IPython.terminal matplotlib nbconvert numpy openai openpyxl
    opentelemetry.exporter pandas papermill PIL rich
    rfc3987_syntax.syntax_helpers""".split()


def imported(directory, *starts):
    """Names of the modules that `tallybook serve` imports until it says where it listens."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("GEMINI", "TALLYBOOK"))}
    runtime = os.environ["TALLYBOOK_RUNTIME_DIRECTORY"]
    command = [sys.executable, "-X", "importtime", "-m", "kernel_gateway", "serve", "--port", "0"]
    with (directory / "stderr").open("w+") as stderr:
        process = subprocess.Popen(
            [*command, "--data-dir", str(directory / "data")],
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            env={**clean, "TALLYBOOK_RUNTIME_DIRECTORY": runtime},
        )
        with process:
            listening = any(line.startswith("Open:") for line in process.stdout)
            until = stderr.tell()
            process.send_signal(signal.SIGTERM)
            process.stdout.read()
        stderr.seek(0)
        text = stderr.read() if until == 0 else stderr.read(until)
    assert listening, text[-2000:]
    return set(re.findall(r"^import time: +\d+ \| +\d+ \| +(\S+)$", text, re.M))


@pytest.fixture(params=["a first start", "a later start"])
def started(request, tmp_path):
    if request.param == "a later start":
        imported(tmp_path)
    return imported(tmp_path)


def test_a_start_imports_nothing_that_it_does_not_need(started):
    late = {name for name in started for later in LATER if (name + ".").startswith(later + ".")}

    assert late == set()
    assert "tornado.httpserver" in started


def test_notebooks_are_checked_all_the_same_without_the_parsers_that_are_left_out(tmp_path):
    """A tripwire: `jsonschema` must go on working where those modules can't be imported."""
    code = (
        "import sys\n"
        f"sys.modules |= dict.fromkeys({UNUSED_FORMATS})\n"
        "import nbformat, jsonschema\n"
        "nbformat.validate(nbformat.v4.new_notebook())\n"
        "try:\n"
        "    nbformat.validate({'cells': [], 'metadata': 5, 'nbformat': 4, 'nbformat_minor': 5})\n"
        "except nbformat.ValidationError:\n"
        "    print('refused')\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert done.stdout.split() == ["refused"], done.stderr
