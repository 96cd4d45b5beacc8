"""The command line, as a newcomer runs it."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import zipfile
from datetime import date, datetime
from pathlib import Path

import pytest
from openpyxl import load_workbook

from tests.conftest import EXAMPLES, Conversation, code_reply, exchange

COMMAND = [sys.executable, "-m", "kernel_gateway"]


def tallybook(*arguments, cwd=None, **environment):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("GEMINI", "TALLYBOOK"))}
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=110,
        cwd=cwd,
        env={**clean, **environment},
    )


def expected_rows():
    """Stack the examples by hand, cell by cell, knowing where each keeps what."""
    layout = {
        "sales_q1.xlsx": ("Sales Q1", 5, {"Date": 1, "Region": 2, "Product": 3, "Sales": 5}),
        "sales_q2.xlsx": ("Q2", 4, {"Region": 1, "Date": 2, "Product": 3, "Sales": 5}),
        "sales_q3.xlsx": ("Data", 6, {"Product": 1, "Sales": 2, "Region": 3, "Date": 4}),
    }
    rows = []
    for name, (sheet, first, columns) in layout.items():
        table = load_workbook(EXAMPLES / name)[sheet]
        for row in range(first, table.max_row):  # the last row holds the total
            value = {key: table.cell(row, column).value for key, column in columns.items()}
            day = value["Date"]
            if isinstance(day, str):
                day = datetime.strptime(day, "%d/%m/%Y")
            if value["Sales"] > 1000:
                rows.append((day.date(), value["Region"].title(), value["Product"], value["Sales"]))
    return rows


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    directory = tmp_path_factory.mktemp("demo")
    return tallybook("demo", cwd=directory), directory / "demo-output"


def test_the_demo_ends_with_where_a_number_comes_from(demo):
    done, _ = demo
    _, _, trace = done.stdout.rpartition("> tallybook trace")

    rows = [row for row in expected_rows() if row[1] == "East" and row[0].month <= 3]

    assert f"'Pivot'!B2 in 'outputs/sales_pivot.xlsx' = {sum(r[3] for r in rows):,.2f}" in trace
    assert f"sum of 'Sales' over {len(rows)} rows" in trace
    assert "checked: computed again from 'Sales' in the rows" in trace


def test_the_demo_verifies_and_reproduces_its_notebook(demo):
    done, _ = demo

    assert done.returncode == 0, done.stdout + done.stderr
    assert "replaying a transcript through the local Gemini" in done.stdout
    assert "verified: yes" in done.stdout
    assert "re-run with papermill: reproduced" in done.stdout


def test_the_demos_last_answer_comes_from_what_was_printed_before(demo):
    done, output = demo

    kept = len(expected_rows())

    assert f"{180 - kept} of the 180 rows" in done.stdout
    assert "remembered: 2 earlier requests" in done.stdout
    cells = json.loads((output / "notebook.ipynb").read_text())["cells"]
    assert [cell["cell_type"] for cell in cells[-2:]] == ["markdown", "markdown"]  # no code ran


def test_the_demos_workbook_holds_exactly_the_right_rows(demo):
    _, output = demo

    sheet = load_workbook(output / "outputs" / "stacked_sales.xlsx")["Stacked"]
    header, *rows = sheet.iter_rows(values_only=True)
    found = [dict(zip(header, row, strict=True)) for row in rows]

    got = [(r["Date"].date(), r["Region"], r["Product"], r["Sales"]) for r in found]
    assert header == ("Quarter", "Date", "Region", "Product", "Units", "Sales")
    assert got == expected_rows()
    assert len(got) == 111
    assert min(day for day, *_ in got) >= date(2026, 1, 1)


def test_the_demos_pivot_holds_the_right_sums_and_a_native_chart(demo):
    _, output = demo
    sums: dict[tuple[str, str], float] = {}
    for day, region, _, sales in expected_rows():
        key = (region, f"Q{(day.month + 2) // 3}")
        sums[key] = sums.get(key, 0) + sales

    book = load_workbook(output / "outputs" / "sales_pivot.xlsx")
    header, *rows = book["Pivot"].iter_rows(values_only=True)

    for region, *values in rows:
        for quarter, value in zip(header[1:-1], values[:-1], strict=True):
            assert value == pytest.approx(sums[(region, quarter)])
    assert len(rows) == 4
    assert len(book["Pivot"]._charts) == 1


def test_verify_says_yes_and_after_one_changed_byte_no(demo, tmp_path):
    _, output = demo
    content = bytearray((output / "notebook.ipynb").read_bytes())
    content[content.index(b"pd.concat(")] ^= 1
    (tmp_path / "changed.ipynb").write_bytes(content)

    good = tallybook("verify", output / "notebook.ipynb")
    bad = tallybook("verify", tmp_path / "changed.ipynb")

    assert (good.returncode, good.stdout.splitlines()[-1]) == (0, "verified: yes")
    assert (bad.returncode, bad.stdout.splitlines()[-1]) == (1, "verified: NO")
    assert re.search(r"cell \d+ \([0-9a-f]{8}\): its code was changed", bad.stdout)


def test_rerun_reproduces_and_takes_parameters_and_inputs(demo, tmp_path):
    _, output = demo
    saved = tmp_path / "r.ipynb"

    same = tallybook("rerun", output / "notebook.ipynb", "--output", saved)
    other = tallybook(
        "rerun", output / "notebook.ipynb", "-p", "min_sales", "2000",
        "--inputs", EXAMPLES, "--output", saved,
    )  # fmt: skip

    assert same.returncode == 0
    assert "verdict: reproduced" in same.stdout
    assert other.returncode == 0
    assert "verdict: differs (inputs or parameters were replaced)" in other.stdout
    assert json.loads(saved.with_suffix(".json").read_text())["verdict"] == "differs"


def test_a_review_bundle_verifies_and_is_run_again_as_it_is(demo, tmp_path):
    _, output = demo
    bundle = tmp_path / "review.zip"

    made = tallybook("export", output / "notebook.ipynb", "--to", "bundle", "--output", bundle)
    verified = tallybook("verify", bundle)
    again = tallybook("rerun", bundle)

    assert made.stdout.strip() == str(bundle)
    assert verified.stdout.splitlines()[-1] == "verified: yes"
    assert again.stdout.splitlines()[-1] == "verdict: reproduced"
    assert (tmp_path / "review.rerun.ipynb").exists()


def test_a_bundle_with_another_file_does_not_verify(demo, tmp_path):
    _, output = demo
    bundle = tmp_path / "review.zip"
    tallybook("export", output / "notebook.ipynb", "--to", "bundle", "--output", bundle)
    with zipfile.ZipFile(bundle, "a") as opened:
        opened.writestr("outputs/more.xlsx", b"x")

    done, as_json = tallybook("verify", bundle), tallybook("verify", bundle, "--json")

    assert done.returncode == as_json.returncode == 1
    assert json.loads(as_json.stdout)["verified"] is False
    assert "bundle: outputs/more.xlsx: the manifest does not list it" in done.stdout
    assert done.stdout.splitlines()[-1] == "verified: NO"


@pytest.mark.parametrize("kind", ["html", "pdf", "py", "ipynb"])
def test_export_writes_the_file_it_names(demo, tmp_path, kind):
    _, output = demo

    done = tallybook(
        "export", output / "notebook.ipynb", "--to", kind, "--output", tmp_path / f"x.{kind}"
    )

    assert done.returncode == 0
    assert Path(done.stdout.strip()).stat().st_size > 1000


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("verify", "gone.ipynb"), "not a readable notebook"),
        (("verify", EXAMPLES / "sales_q1.xlsx"), "not a readable review bundle"),
        (("rerun", "gone.ipynb"), "not a readable notebook"),
        (("export", "gone.ipynb"), "not a readable notebook"),
        (("chat", "gone.xlsx"), "does not exist"),
        (("chat", "-m", "hi"), "GEMINI_API_KEY"),
        (("chat", "--url", "http://127.0.0.1:9"), "--token"),
        (("serve", "--port", "99999"), "TALLYBOOK_PORT"),
        (("serve", "--data-dir", "/proc/nothing"), "/proc/nothing"),
    ],
)
def test_a_mistake_gets_one_plain_line(tmp_path, arguments, said):
    done = tallybook(*arguments, cwd=tmp_path)

    assert done.returncode != 0
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_setting_is_named(tmp_path):
    done = tallybook("serve", "--data-dir", tmp_path, TALLYBOOK_CPUS="many")

    assert "TALLYBOOK_CPUS" in done.stderr


@pytest.mark.parametrize("command", ["", "serve", "chat", "demo", "verify", "rerun", "export"])
def test_every_command_has_help(command):
    done = tallybook(*([command] if command else []), "--help")

    assert done.returncode == 0
    assert "Usage:" in done.stdout


async def start_chat(running, *arguments):
    return await asyncio.create_subprocess_exec(
        *COMMAND, "chat", *arguments, "--url", running.url, "--token", running.token,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip


async def read_until(process, text: str) -> str:
    seen = b""
    async with asyncio.timeout(40):
        while text.encode() not in seen:
            piece = await process.stdout.read(1024)
            assert piece, f"the chat ended: {seen.decode()}"
            seen += piece
    return seen.decode()


async def test_chat_answers_one_message_and_ends(start_gateway, examples):
    running = await start_gateway()
    message = "Stack these 3 workbooks and keep rows where Sales > 1000"

    process = await start_chat(running, *map(str, examples), "-m", message)
    printed, _ = await process.communicate()

    assert process.returncode == 0
    assert "sales_q1.xlsx: 60 rows" in printed.decode()
    assert "outputs/stacked_sales.xlsx" in printed.decode()


async def test_ctrl_c_cancels_the_turn_and_keeps_the_session(start_gateway):
    loop = code_reply("print('on', flush=True)\nwhile True: pass")
    exchanges = exchange("loop", loop) + exchange(
        "then", code_reply("print(min_x)"), {"text": "Fine."}
    )
    exchanges[0]["reply"]["run_code"]["parameters"] = {"min_x": 77}
    process = await start_chat(await start_gateway(exchanges))
    process.stdin.write(b"loop\n")
    await read_until(process, "on\n")

    process.send_signal(signal.SIGINT)
    await read_until(process, "Cancelled.")
    process.stdin.write(b"then\nexit\n")
    rest = await read_until(process, "Fine.")
    await process.communicate()

    assert "77" in rest
    assert process.returncode == 0


async def test_chat_asks_for_permission_and_takes_the_answer(start_gateway):
    code = code_reply("import urllib.request\nprint(urllib.parse.quote('a b'))")
    process = await start_chat(await start_gateway(exchange("encode", code, {"text": "Done."})))
    process.stdin.write(b"encode\n")
    await read_until(process, "[d]eny?")

    process.stdin.write(b"o\nexit\n")
    rest = await read_until(process, "Done.")
    await process.communicate()

    assert "a%20b" in rest


async def test_output_cannot_steer_the_terminal(start_gateway):
    code = code_reply(r"print('\x1b]0;owned\x07\x1b[2Jclean')")
    running = await start_gateway(exchange("print", code, {"text": "Done \x1b[31mred."}))

    process = await start_chat(running, "-m", "print")
    printed, _ = await process.communicate()

    assert b"clean" in printed
    assert b"\x1b]0;" not in printed
    assert b"\x1b[2J" not in printed


async def test_a_conversation_can_be_taken_up_again(start_gateway):
    running = await start_gateway(exchange("print", code_reply("print(x)"), {"text": "Done."}))
    conversation: Conversation = await running.conversation()
    await conversation.execute("x = 'from before'")

    process = await start_chat(running, "-c", conversation.id, "-m", "print")
    printed, _ = await process.communicate()

    assert "from before" in printed.decode()


def test_a_service_that_cannot_confine_kernels_does_not_start_and_says_what_to_install(tmp_path):
    found = tmp_path / "bin"
    found.mkdir()
    for file in Path("/usr/bin").iterdir():
        if file.name != "bwrap":
            (found / file.name).symlink_to(file)

    done = tallybook("serve", "--port", "0", cwd=tmp_path, HOME=str(tmp_path), PATH=str(found))

    assert done.returncode == 1
    assert "bwrap is not installed" in done.stderr
    assert "apt-get install bubblewrap" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("setting", "value"), [("TALLYBOOK_BACKEND", "chroot"), ("DOCKER_HOST", "unix:///nowhere.sock")]
)
def test_a_wrong_or_missing_backend_stops_the_start(tmp_path, setting, value):
    chosen = {"TALLYBOOK_BACKEND": "docker", setting: value}

    done = tallybook("serve", "--port", "0", cwd=tmp_path, HOME=str(tmp_path), **chosen)

    assert done.returncode != 0
    assert "zygote" in done.stderr or "no Docker Engine answers" in done.stderr
    assert "Traceback" not in done.stderr


# configuration


def test_config_show_names_every_setting_its_value_and_where_it_comes_from(tmp_path):
    file = tmp_path / "tallybook.toml"
    file.write_text('max_kernels = 7\nhost = "::1"\njwt_secret = "' + "s" * 40 + '"\n')

    shown = tallybook(
        "config", "show", "--config", file, "--model", "gemini-x",
        TALLYBOOK_HOST="127.0.0.2", COLUMNS="200",
    )  # fmt: skip

    lines = {line.split()[0]: line for line in shown.stdout.splitlines() if line.strip()}
    assert shown.returncode == 0, shown.stderr
    assert "127.0.0.2" in lines["host"]
    assert "TALLYBOOK_HOST" in lines["host"]
    assert "7" in lines["max_kernels"]
    assert str(file) in lines["max_kernels"]
    assert "flag" in lines["model"]
    assert "default" in lines["port"]
    assert "hidden" in lines["jwt_secret"]
    assert "s" * 40 not in shown.stdout


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("max_kernels = 0", "max_kernels"),
        ("max_kernels = ", "tallybook.toml"),
        ("no_such_setting = 1", "no_such_setting"),
        ("port = 'x'", "port"),
        (None, "There is no configuration file"),
    ],
)
def test_a_configuration_that_cannot_be_used_says_what_is_wrong(tmp_path, content, said):
    file = tmp_path / "tallybook.toml"
    if content is not None:
        file.write_text(content)

    shown = tallybook("config", "show", "--config", file)

    assert shown.returncode == 1
    assert said in shown.stderr
    assert "Traceback" not in shown.stderr


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("TALLYBOOK_BLOB_KEY", "aHVzaA==", "Key 1 holds 4 bytes instead of 32"),
        ("TALLYBOOK_BLOB_KEY_COMMAND", "echo hush; echo no access >&2; exit 3", "no access"),
        ("TALLYBOOK_BLOB_KEY_COMMAND", "echo hush!", "Key 1 is not base64"),
    ],
)
def test_a_key_that_cannot_be_had_stops_the_start_with_a_plain_word(tmp_path, setting, value, said):
    done = tallybook("serve", "--port", "0", "--data-dir", tmp_path, **{setting: value})

    assert done.returncode == 1
    assert said in done.stderr
    assert "hush" not in done.stderr
    assert "aHVzaA" not in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "url", ["postgresql://u:hush@127.0.0.1:1/x", "mysql://u:hush@127.0.0.1/x", "nonsense"]
)
def test_a_database_that_cannot_be_used_stops_the_start_with_a_plain_word(tmp_path, url):
    done = tallybook("serve", "--port", "0", "--data-dir", tmp_path, TALLYBOOK_DATABASE_URL=url)

    assert done.returncode == 1
    assert "The database can't be used" in done.stderr
    assert "Traceback" not in done.stderr
    assert "hush" not in done.stderr
