"""What precedes a request: profiles of uploads and of what cells made, names of the rest."""

import gzip
import io
import zipfile

import pytest

from agent.context.context import MAX_OUTPUT_BYTES, TurnContext, read_profiles, render_context
from agent.context.profiler import Profiler

pytestmark = pytest.mark.check
TABLE = b"Region,Sales\nNorth,1.5\nSouth,2.5\n"


def write(workspace, name, content):
    with workspace.new_output(name) as file:
        file.write(content)


async def test_what_cells_made_is_told_like_uploads(workspace):
    with workspace.add_input("sales.csv") as new:
        new.file.write(TABLE)
    write(workspace, "report.csv", TABLE.replace(b"Sales", b"Total sales"))
    write(workspace, "chart.png", b"\x89PNG")

    profiles, other = await read_profiles(workspace, Profiler())
    text = render_context(TurnContext(profiles=profiles, other_files=other))

    assert list(profiles) == ["inputs/sales.csv", "outputs/report.csv"]
    assert "B 'Total sales': number" in text
    assert "Other files: 'outputs/chart.png' (picture, 4 bytes)" in text


async def test_a_request_does_not_wait_for_large_outputs(workspace):
    write(workspace, "large.csv", TABLE + b"West,3.5\n" * (MAX_OUTPUT_BYTES // 9 + 1))

    profiles, other = await read_profiles(workspace, Profiler())

    assert (profiles, other) == ({}, {"outputs/large.csv": "3 MB"})


def add(workspace, name, content):
    with workspace.add_input(name) as new:
        new.file.write(content)


async def test_a_table_is_known_by_its_content_whatever_its_ending(workspace):
    for name in ("export", "export.dat", "export.csv.0326"):
        add(workspace, name, TABLE)
    add(workspace, "export.csv.gz", gzip.compress(TABLE.replace(b",", b";").replace(b".", b",")))

    profiles, other = await read_profiles(workspace, Profiler())

    assert set(profiles) == {
        "inputs/export", "inputs/export.dat", "inputs/export.csv.0326", "inputs/export.csv.gz",
    }  # fmt: skip
    assert not other
    packed = profiles["inputs/export.csv.gz"]
    assert packed["format"]["description"] == "Semicolon-separated text, packed with gzip"
    [table] = packed["sheets"][0]["tables"]
    assert "pd.read_csv('inputs/export.csv.gz', sep=';', decimal=\",\"" in table["recipe"]
    assert table["columns"][1]["sum"] == 4


async def test_other_files_are_told_with_kind_size_and_members(workspace):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("sales_2025-01.csv", TABLE)
        packed.writestr("notes\n/x.txt", "hello")
    add(workspace, "months.zip", archive.getvalue())
    add(workspace, "stmt.sta", b":20:STARTUMS\n:25:37040044/532013000\n:60F:C260301EUR1000,00\n")
    add(workspace, "mail.eml", b"From: a@b\nSubject: invoice, copy\n\nhello, you\n")
    add(workspace, "scan.bin", bytes(range(256)) * 8)

    profiles, other = await read_profiles(workspace, Profiler())

    assert not profiles
    assert other["inputs/months.zip"].startswith(
        "a zip archive of 2 files ('sales_2025-01.csv' 33 bytes"
    )
    assert "\n" not in other["inputs/months.zip"]
    assert other["inputs/mail.eml"] == "mail, 45 bytes"
    assert other["inputs/scan.bin"] == "binary data, 2.05 KB"
    assert other["inputs/stmt.sta"].endswith("59 bytes")


async def test_a_gzip_bomb_is_told_and_not_unpacked(workspace):
    add(workspace, "bomb.csv.gz", gzip.compress(b"1,2\n" * 250_000) * 210)

    profiles, _ = await read_profiles(workspace, Profiler())

    assert profiles["inputs/bomb.csv.gz"]["problem"]["code"] == "workbook-too-large"
