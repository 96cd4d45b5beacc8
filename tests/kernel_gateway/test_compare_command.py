"""``tallybook compare`` as a user runs it."""

import json

import pytest
from click.testing import CliRunner
from openpyxl import Workbook

from kernel_gateway.cli import cli


@pytest.fixture
def run(tmp_path):
    def run(*arguments):
        return CliRunner().invoke(cli, ["compare", *map(str, arguments)])

    return run


@pytest.fixture
def save(tmp_path):
    def save(name, *rows):
        book = Workbook()
        book.active.title = "Data"
        for row in rows:
            book.active.append(row)
        book.save(tmp_path / name)
        return tmp_path / name

    return save


def test_the_exit_code_says_whether_they_differ(run, save, tmp_path):
    one, other = save("a.xlsx", ["Sales"], [1]), save("b.xlsx", ["Sales"], [2])
    (tmp_path / "bad.xlsx").write_bytes(b"PK\x03\x04 cut off")

    same, differs, cannot = run(one, one), run(one, other), run(one, tmp_path / "bad.xlsx")

    assert (same.exit_code, differs.exit_code, cannot.exit_code) == (0, 1, 2)
    assert same.output == "The same.\n"
    assert "Data!A2  cell  edited  1 → 2" in differs.output
    assert "bad.xlsx: The file is damaged" in cannot.output


def test_the_comparison_is_printed_as_json_and_written_as_a_page(run, save, tmp_path):
    one, other = save("a.xlsx", ["Sales"], [1]), save("b.xlsx", ["Sales"], [2])

    done = run(one, other, "--json", "--html", tmp_path / "page.html", "--layer", "values")

    assert json.loads(done.output)["counts"] == {"values": {"edited": 1}}
    assert "Data!A2" in (tmp_path / "page.html").read_text()


def test_control_characters_of_a_file_do_not_reach_the_terminal(run, save, tmp_path):
    one = tmp_path / "a.csv"
    one.write_text("x,y\nplain,1\n")
    other = tmp_path / "b.csv"
    other.write_text("x,y\n\x1b[31mred\x07,1\n")

    done = run(one, other)

    assert "\x1b[31mred" not in done.output
    assert "red" in done.output


@pytest.mark.parametrize("options", [["--tolerance", "1"], ["--layer", "colour"], ["--html", "/"]])
def test_wrong_options_are_refused_plainly(run, save, options):
    one = save("a.xlsx", ["Sales"], [1])

    done = run(one, one, *options)

    assert done.exit_code == 2
    assert "Traceback" not in done.output
