"""Files come in whole or not at all, are never overwritten, and never lead out."""

import asyncio
import io
import json

import pytest
import xlsxwriter
from openpyxl import Workbook
from tornado.httpclient import AsyncHTTPClient, HTTPRequest

from kernel_gateway.terminal.client import path_url
from tests.raw_http import Raw, error_of, multipart


async def test_many_files_of_any_type_come_in_one_upload(running, raw, files_url):
    body, headers = multipart(
        ("f", "a.xlsx", b"PK"), ("f", "b.pdf", b"%PDF"), ("f", "ü 📈.csv", b"a\n1")
    )

    response = await raw("POST", files_url, body, headers)
    listed = json.loads((await raw("GET", files_url)).body)["files"]

    assert response.code == 201
    assert [f["name"] for f in listed] == ["inputs/a.xlsx", "inputs/b.pdf", "inputs/ü 📈.csv"]
    assert (await raw("GET", listed[2]["url"])).body == b"a\n1"


async def test_what_an_upload_holds_or_why_it_cannot_be_read_follows_as_an_event(running, raw):
    conversation = await running.conversation()
    url = f"{path_url(conversation.id)}/files"
    files = ("f", "a.xlsx", b"PK\x03\x04 cut off"), ("f", "b.csv", b"a,b\n1,2\n")
    body, headers = multipart(*files)

    uploaded = json.loads((await raw("POST", url, body, headers)).body)["files"]

    await conversation.until("file.profiled")
    await conversation.until("file.profiled")
    broken, whole = sorted(conversation.of_kind("file.profiled"), key=lambda each: each["name"])
    assert (broken["name"], broken["tables"]) == ("inputs/a.xlsx", 0)
    assert broken["problem"]["code"] == "damaged"
    assert broken["problem"]["hint"]
    assert whole == {
        "name": "inputs/b.csv",
        "sha256": uploaded[1]["sha256"],
        "tables": 1,
        "problem": None,
    }


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
async def test_it_is_said_how_far_the_profile_of_a_large_upload_is(start_gateway, tmp_path, ending):
    """20 MB of text, packed or not; in the workbook they are two sheets."""
    words, rows = "no change in any of these words " * 11, range(32_000)
    path = tmp_path / f"large.{ending}"
    if ending == "csv":
        path.write_text("Number,Remark\n" + "".join(f"{n},{words}{n}\n" for n in rows) * 2)
    else:
        with xlsxwriter.Workbook(path, {"constant_memory": True}) as book:
            for sheet in (book.add_worksheet(), book.add_worksheet()):
                sheet.write_row(0, 0, ["Number", "Remark"])
                for n in rows:
                    sheet.write_row(n + 1, 0, [n, f"{words}{n}"])
    conversation = await (await start_gateway([], upload_limit_mb=64)).conversation(path)

    profiled = (await conversation.until("file.profiled"))["data"]

    told = conversation.of_kind("file.profiling")
    shares = [each["share"] for each in told]
    assert {each["sha256"] for each in told} == {profiled["sha256"]}
    assert len(shares) >= 3
    assert shares == sorted(set(shares))
    assert 0 < shares[0] < 0.6
    assert 0.9 < shares[-1] <= 1


async def test_a_files_profile_has_its_tables_and_the_code_that_loads_them(raw, files_url):
    content = b"Konto;Betrag\n00123;-1.001,50\n00124;2.000,00\n"
    body, headers = multipart(("f", "bank.csv", content))
    (file,) = json.loads((await raw("POST", files_url, body, headers)).body)["files"]

    told = json.loads((await raw("GET", file["url"] + "/profile")).body)

    (table,) = told["profile"]["sheets"][0]["tables"]
    assert told["problem"] is None
    assert [c["kind"] for c in table["columns"]] == ["identifier", "number"]
    assert "'inputs/bank.csv'" in table["recipe"]
    assert 'decimal=","' in told["text"]


async def test_rows_of_a_table_file_are_shown_as_they_are(raw, files_url):
    content = b"Account,Sales\n" + b"".join(b"%05d,%d\n" % (n, n) for n in range(1, 80))
    body, headers = multipart(("f", "a.csv", content))
    (file,) = json.loads((await raw("POST", files_url, body, headers)).body)["files"]

    first = json.loads((await raw("GET", file["url"] + "/preview")).body)
    last = json.loads((await raw("GET", file["url"] + "/preview?first=79&count=5")).body)
    no_sheet = json.loads((await raw("GET", file["url"] + "/preview?sheet=Q9")).body)
    refused = [await raw("GET", file["url"] + f"/preview?{q}") for q in ("first=0", "sheet=%00")]

    assert first["rows"][:2] == [["Account", "Sales"], ["00001", "1"]]
    assert (len(first["rows"]), first["more"]) == (50, True)
    assert (last["rows"], last["more"]) == ([["00078", "78"], ["00079", "79"]], False)
    assert no_sheet["problem"]["code"] == "no-such-sheet"
    assert [response.code for response in refused] == [400, 400]


async def test_a_file_named_profile_is_still_downloaded(raw, files_url):
    body, headers = multipart(("f", "profile", b"mine"))
    (file,) = json.loads((await raw("POST", files_url, body, headers)).body)["files"]

    assert file["name"] == "inputs/profile"
    assert (await raw("GET", file["url"])).body == b"mine"


async def test_the_profile_of_a_file_that_is_no_table_says_so(raw, files_url):
    body, headers = multipart(("f", "a.xlsx", b"PK\x03\x04 cut off"), ("f", "b.pdf", b"%PDF"))
    broken, letter = json.loads((await raw("POST", files_url, body, headers)).body)["files"]

    of_broken = json.loads((await raw("GET", broken["url"] + "/profile")).body)
    of_letter = json.loads((await raw("GET", letter["url"] + "/profile")).body)
    missing = await raw("GET", files_url + "/inputs/none.csv/profile")

    assert of_broken["profile"] is None
    assert of_broken["problem"]["code"] == "damaged"
    assert (of_letter["profile"], of_letter["problem"]) == (None, None)
    assert error_of(missing)["code"] == "file-not-found"


async def test_a_second_file_of_the_same_name_never_overwrites_the_first(raw, files_url):
    for content in (b"one", b"two", b"two"):
        body, headers = multipart(("f", "a.bin", content))
        await raw("POST", files_url, body, headers)

    listed = json.loads((await raw("GET", files_url)).body)["files"]

    contents = {f["name"]: (await raw("GET", f["url"])).body for f in listed}
    assert contents == {
        "inputs/a.bin": b"one",
        "inputs/a (2).bin": b"two",
        "inputs/a (3).bin": b"two",
    }


async def test_the_same_file_sent_again_is_kept_once(raw, files_url):
    for _ in range(2):
        body, headers = multipart(("f", "a.bin", b"one"))
        await raw("POST", files_url, body, headers)

    assert len(json.loads((await raw("GET", files_url)).body)["files"]) == 1


@pytest.mark.parametrize(
    "name", ["../up.xlsx", "/etc/passwd", "a\x00.xlsx", "x" * 300 + ".xlsx", ".."]
)
async def test_a_dangerous_name_is_refused_and_nothing_is_written(raw, files_url, name):
    body, headers = multipart(("f", name, b"x"))

    response = await raw("POST", files_url, body, headers)

    assert response.code == 400
    assert error_of(response)["code"] in ("unsafe-path", "bad-request")
    assert json.loads((await raw("GET", files_url)).body)["files"] == []


async def test_a_file_over_the_limit_is_refused_and_the_others_are_kept(raw, files_url):
    body, headers = multipart(("f", "big.bin", b"0" * 1_500_000), ("f", "small.bin", b"1"))

    response = await raw("POST", files_url, body, headers)
    reply = json.loads(response.body)

    assert response.code == 201
    assert [f["name"] for f in reply["files"]] == ["inputs/small.bin"]
    assert reply["rejected"][0]["error"]["code"] == "file-too-large"


async def test_only_a_file_over_the_limit_is_an_error(raw, files_url):
    body, headers = multipart(("f", "big.bin", b"0" * 1_500_000))

    response = await raw("POST", files_url, body, headers)

    assert response.code == 413
    assert "1 MB" in error_of(response)["message"]


async def files_of_a_small_workspace(start_gateway, **settings):
    running = await start_gateway([], workspace_limit_mb=2, upload_limit_mb=10, **settings)
    conversation = await running.conversation()
    return Raw(running), f"{conversation.url}/files"


async def test_a_file_the_workspace_has_no_room_for_is_refused_and_those_that_fit_are_kept(
    start_gateway,
):
    raw, files_url = await files_of_a_small_workspace(start_gateway)
    sizes = {"first": 1_500_000, "large": 1_500_000, "last": 300_000}
    body, headers = multipart(*(("f", name, name[:1].encode() * n) for name, n in sizes.items()))

    reply = json.loads((await raw("POST", files_url, body, headers)).body)

    assert [f["name"] for f in reply["files"]] == ["inputs/first", "inputs/last"]
    assert reply["rejected"][0]["error"]["code"] == "workspace-full"
    listed = json.loads((await raw("GET", files_url)).body)["files"]
    assert sorted(f["size"] for f in listed) == [300_000, 1_500_000]


async def test_uploads_at_the_same_time_share_the_room(start_gateway):
    raw, files_url = await files_of_a_small_workspace(start_gateway)
    bodies = [multipart(("f", f"{n}.bin", bytes([n]) * 900_000)) for n in range(6)]

    answers = await asyncio.gather(*(raw("POST", files_url, *body) for body in bodies))

    assert sum(answer.code == 201 for answer in answers) <= 2
    assert {answer.code for answer in answers} <= {201, 413}
    assert all("2 MiB" in error_of(a)["message"] for a in answers if a.code == 413)


async def test_more_files_than_the_workspace_may_hold_are_refused(start_gateway):
    raw, files_url = await files_of_a_small_workspace(start_gateway, workspace_files=20)
    body, headers = multipart(*(("f", f"{n}.txt", b"x") for n in range(30)))

    reply = json.loads((await raw("POST", files_url, body, headers)).body)

    assert 10 < len(reply["files"]) < 20
    assert {r["error"]["code"] for r in reply["rejected"]} == {"workspace-full"}


@pytest.mark.parametrize(
    "parts",
    [
        [("f", "../up", b"x")] * 1001,
        [(str(n), None, b"x" * 500_000) for n in range(5)],
    ],
    ids=["parts", "fields"],
)
async def test_what_an_upload_has_in_memory_is_bounded(raw, files_url, parts):
    body, headers = multipart(*parts)

    response = await raw("POST", files_url, body, headers)

    assert response.code == 400
    assert any(word in error_of(response)["message"] for word in ("1000 parts", "2000000 bytes"))


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"x", {"Content-Type": "text/plain"}),
        (b"x", {"Content-Type": "multipart/form-data"}),
        (b"garbage", {"Content-Type": "multipart/form-data; boundary=b"}),
        (b"--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a\"\r\n\r\nhalf",
         {"Content-Type": "multipart/form-data; boundary=b"}),
        (b"", {"Content-Type": "multipart/form-data; boundary=b"}),
    ],
)  # fmt: skip
async def test_a_body_that_is_no_whole_upload_is_refused_and_leaves_nothing(
    raw, files_url, body, headers
):
    response = await raw("POST", files_url, body, headers)

    assert response.code == 400
    assert error_of(response)["code"] == "bad-request"
    assert json.loads((await raw("GET", files_url)).body)["files"] == []


async def test_a_file_that_is_gone_before_the_answer_is_said_to_be_gone_and_the_others_stay(
    running, raw
):
    conversation = await running.conversation()
    await raw("GET", conversation.url + "/files")
    body, headers = multipart(("f", "taken.txt", b"x"), ("f", "stays.txt", b"y" * 1000))
    cut, inputs = body.index(b"yyy") + 10, running.home(conversation.id) / "workspace" / "inputs"

    async def first_is_taken():
        while not list(inputs.glob(".*.part")) or not (inputs / "taken.txt").exists():
            await asyncio.sleep(0.01)
        (inputs / "taken.txt").unlink()

    async def halves(write):
        await write(body[:cut])
        await first_is_taken()
        await write(body[cut:])

    request = HTTPRequest(
        running.url + conversation.url + "/files",
        "POST",
        {**raw.headers, **headers, "Content-Length": str(len(body))},
        body_producer=halves,
    )
    response = await AsyncHTTPClient().fetch(request, raise_error=False)

    told = json.loads(response.body)
    assert response.code == 201
    assert [file["name"] for file in told["files"]] == ["inputs/stays.txt"]
    [rejected] = told["rejected"]
    assert (rejected["name"], rejected["error"]["code"]) == ("taken.txt", "file-not-found")


async def test_a_link_made_by_hostile_code_is_not_downloaded(running, raw):
    conversation = await running.conversation()
    await raw("GET", conversation.url + "/files")
    home = running.home(conversation.id) / "workspace" / "outputs"
    (home / "x.txt").symlink_to("/etc/passwd")

    response = await raw("GET", conversation.url + "/files/outputs/x.txt")

    assert response.code == 400
    assert error_of(response)["code"] == "unsafe-path"


@pytest.mark.parametrize(
    "name",
    ["outputs/..%2f..%2fnotebook.ipynb", "..%2fnotebook.ipynb", "%2fetc%2fpasswd", "outputs"],
)
async def test_a_download_never_leaves_the_workspace(raw, files_url, name):
    assert (await raw("GET", f"{files_url}/{name}")).code in (400, 404)


def _workbook(*rows):
    book = Workbook()
    for row in rows:
        book.active.append(row)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


async def test_two_files_are_compared(raw, files_url):
    one, other = _workbook(["Id", "Sales"], [1, 5]), _workbook(["Id", "Sales"], [1, 6], [2, 7])
    body, headers = multipart(("f", "a.xlsx", one), ("f", "b.xlsx", other))
    _, file = json.loads((await raw("POST", files_url, body, headers)).body)["files"]

    found = json.loads((await raw("GET", file["url"] + "/compare?with=inputs/a.xlsx")).body)
    values = json.loads(
        (await raw("GET", file["url"] + "/compare?with=inputs/a.xlsx&layers=formats")).body
    )
    same = json.loads(
        (
            await raw("GET", file["url"] + "/compare?with=inputs/b.xlsx&version=" + file["sha256"])
        ).body
    )

    assert (found["before"], found["after"], found["same"]) == ("a.xlsx", "b.xlsx", False)
    assert found["counts"] == {"values": {"added": 1, "edited": 1}}
    assert [each["place"] for each in found["differences"]] == ["3:3", "B2"]
    assert values["same"]
    assert same["same"]


async def test_a_file_is_compared_with_an_earlier_version_of_itself(raw, files_url):
    body, headers = multipart(("f", "a.xlsx", _workbook(["Sales"], [1])))
    (first,) = json.loads((await raw("POST", files_url, body, headers)).body)["files"]
    body, headers = multipart(("f", "a.xlsx", _workbook(["Sales"], [2])))
    await raw("POST", files_url + "?replace=true", body, headers)
    listed = json.loads((await raw("GET", files_url)).body)["files"]

    found = await raw(
        "GET", f"{listed[-1]['url']}/compare?with={first['name']}&version={first['sha256']}"
    )

    assert json.loads(found.body)["counts"] == {"values": {"edited": 1}}


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 400),
        ("?with=inputs/gone.xlsx", 404),
        ("?with=%00", 400),
        ("?with=inputs/a.xlsx&tolerance=2", 400),
        ("?with=inputs/a.xlsx&tolerance=x", 400),
        ("?with=inputs/a.xlsx&layers=colour", 400),
        ("?version=1", 400),
        ("?version=" + "0" * 64, 404),
    ],
)
async def test_what_cannot_be_compared_is_refused_with_the_reason(raw, files_url, query, status):
    body, headers = multipart(("f", "a.xlsx", b"PK"), ("f", "b.xlsx", b"PK"))
    _, file = json.loads((await raw("POST", files_url, body, headers)).body)["files"]

    response = await raw("GET", file["url"] + "/compare" + query)

    assert response.code == status
    assert error_of(response)["message"]
