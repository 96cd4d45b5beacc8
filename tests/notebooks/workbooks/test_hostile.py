"""Broken and hostile files end every program with a plain reason, within its memory."""

import json
import re
import subprocess
import sys

import pytest

from tests.corpus import odd_files

MEMORY = 1 << 30
RUN = """
import contextlib, importlib, io, json, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]),) * 2)
from notebooks.workbooks.recalculate.__main__ import _result
from notebooks.workbooks.recalculate.office import OfficeFailed

class NoOffice:
    def to_ods(self, *given):
        raise OfficeFailed("it came as far as LibreOffice")

found = {}
for key, program, arguments in json.loads(sys.argv[2]):
    printed = io.StringIO()
    if program == "recalculate":
        print(json.dumps(_result(open(arguments[0], "rb").read(), NoOffice(), 5.0, {})[0]), file=printed)
    else:
        sys.argv = [program, *arguments]
        main = importlib.import_module(f"notebooks.workbooks.{program}.__main__").main
        with contextlib.redirect_stdout(printed):
            main()
    found[key] = printed.getvalue()
print(json.dumps(found))
"""
FORMULA = b'<row r="90"><c r="A90"><f>SUM(A1:A3)</f></c></row></sheetData>'
PROGRAMS = ("compare", "search", "tie_out", "check", "preview", "recalculate", "profile")


def with_formula(path):
    """A workbook with a formula without a value, so that there is something to compute."""
    odd_files.changed(path, _change(odd_files.SHEET, rb"</sheetData>", FORMULA))


def many_styles(path):
    """A workbook with more cell formats than Excel writes."""
    each = rb'<xf numFmtId="0" fontId="0" fillId="0" borderId="0"/>'
    change = _change("xl/styles.xml", rb"(<cellXfs[^>]*>)", rb"\1" + each * 65_536)
    odd_files.changed(path, change)


def _change(name, pattern, to):
    return lambda parts: parts.update({name: re.sub(pattern, to, parts[name])})


def _arguments(program, path, sound):
    directory, name = str(path.parent), path.name
    return {
        "compare": [json.dumps({"before": str(sound), "after": str(path)})],
        "search": [str(path), "a"],
        "tie_out": [json.dumps({"directory": directory, "files": [name], "frames": {}})],
        "check": [json.dumps({"directory": directory, "files": [name], "originals": [sound.name]})],
        "preview": [str(path), "", "1", "5"],
        "recalculate": [str(path)],
        "profile": [str(path)],
    }[program]


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """What each program prints of each file, in one process with a limit of memory."""
    directory = tmp_path_factory.mktemp("hostile")
    sound = directory / "sound.xlsx"
    with_formula(sound)
    files = {name: make for name, (_, make) in odd_files.REFUSED.items()}
    runs = []
    for name, make in (files | {"many_styles.xlsx": many_styles}).items():
        make(directory / name)
        runs += [
            (f"{program} {name}", program, _arguments(program, directory / name, sound))
            for program in PROGRAMS
        ]
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(MEMORY), json.dumps(runs)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


@pytest.mark.parametrize("program", ["compare", "search", "preview", "profile"])
@pytest.mark.parametrize("name", odd_files.REFUSED)
def test_a_file_that_cannot_be_read_ends_a_program_with_its_reason(printed, program, name):
    problem = json.loads(printed[f"{program} {name}"])["problem"]

    assert problem["code"] == odd_files.REFUSED[name][0]
    assert problem["message"].endswith(".")
    assert problem["hint"]


@pytest.mark.parametrize("name", odd_files.REFUSED)
def test_a_written_file_that_cannot_be_read_is_named_and_not_tied_out_or_computed(printed, name):
    [finding] = json.loads(printed[f"check {name}"])[name]
    assert finding["code"] == "file-unreadable"
    assert json.loads(printed[f"tie_out {name}"]) == {name: None}
    computed = json.loads(printed[f"recalculate {name}"])
    assert computed.get("problem") or computed == {"size": 0, "report": {}}  # nothing to compute


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_workbook_with_65536_formats_is_read_as_any_other(printed, program):
    found = json.loads(printed[f"{program} many_styles.xlsx"])

    assert not found.get("problem")
    assert "file-unreadable" not in json.dumps(found)
