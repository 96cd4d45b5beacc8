"""Text files: encoding, delimiter, signs of numbers."""

import csv
import io

import pytest

from notebooks.workbooks.read import identify, open_book
from tests.corpus import text_files

pytestmark = pytest.mark.check


@pytest.mark.parametrize("name", text_files.FILES)
def test_encoding_delimiter_and_signs_are_found_by_the_content(tmp_path, name):
    file = text_files.FILES[name]
    path = tmp_path / "bank.csv"
    path.write_bytes(file.text.encode(file.encoding))

    found = identify(path)

    assert found.kind == "text"
    written = found.text
    assert written is not None
    assert (written.delimiter, written.decimal, written.thousands) == (
        file.delimiter,
        file.decimal,
        file.thousands,
    )
    table = file.text.removeprefix("sep=;\r\n")
    with open_book(path, found) as book:
        rows = list(book.rows(0))
    assert rows == list(csv.reader(io.StringIO(table, newline=""), delimiter=file.delimiter))


def test_a_letter_above_ascii_far_down_decides_too(tmp_path):
    path = tmp_path / "late.csv"
    path.write_bytes(b"a,b\n" + b"1,2\n" * 900_000 + "3,Müller Größe\n".encode("cp1252"))

    found = identify(path)

    assert found.text is not None
    assert found.text.encoding == "cp1252"


def test_a_character_cut_by_the_reading_block_is_no_reason_to_doubt_utf8(tmp_path):
    path = tmp_path / "cut.csv"
    path.write_bytes(("a,b\n" + "é" * 700_000).encode())

    found = identify(path)

    assert found.text is not None
    assert found.text.encoding == "utf-8"


@pytest.mark.parametrize(
    ("field", "signs"),
    [
        ("1.250", (".", None)),  # may be either
        ("1.250,00", (",", ".")),
        ("1,250.00", (".", ",")),
        ("1.234.567", (",", ".")),
        ("12,34,567.00", (".", ",")),
        ("(1.250,5)", (",", ".")),
        ("1.250,00-", (",", ".")),
        ("EUR 3,5", (",", None)),
        ("31.01.2024", (".", None)),
        ("192.168.0.1", (".", None)),
    ],
)
def test_only_a_number_that_proves_its_signs_decides(field, signs):
    from notebooks.workbooks.formats.text_format import number_signs

    assert number_signs([field]) == signs
