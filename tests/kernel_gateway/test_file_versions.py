"""What files held before they were changed: branches get it back; it is sealed where asked."""

import base64
import io
import json
import os
import shlex
import zipfile

import pytest

from tests.branching import branch
from tests.raw_http import Raw

KEY = base64.b64encode(os.urandom(32)).decode()
SECRET = "margin 17.5 percent"


async def write(conversation, name, text):
    """Have a cell write a file; return its turn."""
    await conversation.execute(f"open({name!r}, 'w').write({text!r})")
    return conversation.events[-1]["turn"]


def home(running, conversation):
    return running.home(conversation.id).parent


def blobs(running, conversation):
    return sorted((home(running, conversation) / ".blobs").iterdir())


@pytest.mark.parametrize("name", ["outputs/a.txt", "prices.txt"])
async def test_a_branch_gets_a_changed_file_as_it_was_without_running_a_cell(start_gateway, name):
    running = await start_gateway([])
    conversation = await running.conversation()
    first = await write(conversation, name, "first")
    await write(conversation, name, "second")

    made, _ = await branch(running, conversation, "then", source_turn_id=first)

    copy = home(running, conversation) / "then" / "workspace" / name
    assert made["files_to_remake"] == []
    assert copy.read_text() == "first"


async def test_a_branch_gets_a_removed_file_back_and_may_change_it(start_gateway):
    running = await start_gateway([])
    conversation = await running.conversation()
    first = await write(conversation, "outputs/a.txt", "first")
    await conversation.execute("import pathlib; pathlib.Path('outputs/a.txt').unlink()")

    _, then = await branch(running, conversation, "then", source_turn_id=first)

    code = "print(open('outputs/a.txt').read(), file=open('outputs/a.txt', 'a'))"
    await then.execute(code)
    assert await then.printed("print(open('outputs/a.txt').read())") == "firstfirst\n\n"


async def test_a_file_that_became_a_directory_is_a_file_in_the_branch(start_gateway):
    running = await start_gateway([])
    conversation = await running.conversation()
    first = await write(conversation, "outputs/a", "first")
    await conversation.execute(
        "import pathlib; p = pathlib.Path('outputs/a'); p.unlink(); p.mkdir()\n"
        "(p / 'b').write_text('later')"
    )

    _, then = await branch(running, conversation, "then", source_turn_id=first)

    assert await then.printed("print(open('outputs/a').read())") == "first\n"


async def test_a_content_that_two_paths_have_is_kept_once(start_gateway):
    running = await start_gateway([])
    conversation = await running.conversation()
    first = await write(conversation, "outputs/a.txt", "same")
    _, then = await branch(running, conversation, "then", source_turn_id=first)
    await write(then, "outputs/b.txt", "same")

    assert len(blobs(running, conversation)) == 1


async def test_with_a_key_nothing_that_is_kept_can_be_read_and_a_branch_gets_it_all_the_same(
    start_gateway,
):
    running = await start_gateway([], blob_key=KEY)
    conversation = await running.conversation()
    first = await write(conversation, "outputs/a.txt", SECRET)
    await write(conversation, "outputs/a.txt", "changed")

    kept = [file.read_bytes() for file in blobs(running, conversation)]
    _, then = await branch(running, conversation, "then", source_turn_id=first)

    assert len(kept) == 2
    assert not any(SECRET.encode() in content for content in kept)
    assert await then.printed("print(open('outputs/a.txt').read())") == f"{SECRET}\n"


async def test_the_key_can_come_from_a_command(start_gateway, tmp_path):
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    running = await start_gateway([], blob_key_command=f"cat {shlex.quote(str(file))}")
    conversation = await running.conversation()
    await write(conversation, "outputs/a.txt", SECRET)

    [kept] = blobs(running, conversation)
    assert kept.suffix == ".sealed"


async def test_a_damaged_version_is_made_again_by_the_cells(start_gateway):
    running = await start_gateway([], blob_key=KEY)
    conversation = await running.conversation()
    first = await write(conversation, "outputs/a.txt", "first")
    for file in blobs(running, conversation):
        *rest, last = file.read_bytes()
        file.write_bytes(bytes([*rest, last ^ 1]))
    await write(conversation, "outputs/a.txt", "second")

    made, then = await branch(running, conversation, "then", source_turn_id=first)

    assert made["files_to_remake"] == ["outputs/a.txt"]
    assert await then.printed("print(open('outputs/a.txt').read())") == "first\n"


async def test_an_export_has_what_can_be_read_and_names_what_cannot(start_gateway):
    running = await start_gateway([])
    conversation = await running.conversation()
    await write(conversation, "outputs/a.txt", "first")
    [first] = blobs(running, conversation)
    first.write_text("broken")
    await write(conversation, "outputs/a.txt", "second")

    answer = await Raw(running)("GET", "/api/v1/users/local/export")

    archive = zipfile.ZipFile(io.BytesIO(answer.body))
    place = f"conversations/{conversation.id}/versions"
    assert list(json.loads(archive.read(f"{place}/unreadable.json"))) == [first.name]
    assert b"second" in [
        archive.read(name) for name in archive.namelist() if name.startswith(f"{place}/")
    ]
    assert f"{place}/{first.name}" not in archive.namelist()


async def test_where_no_room_is_given_nothing_is_kept(start_gateway):
    running = await start_gateway([], file_versions_mb=0)
    conversation = await running.conversation()
    await write(conversation, "outputs/a.txt", "first")

    assert not (home(running, conversation) / ".blobs").exists()


async def test_a_deleted_conversation_takes_its_versions_along(start_gateway):
    running = await start_gateway([])
    conversation = await running.conversation()
    await write(conversation, "outputs/a.txt", SECRET)
    kept = home(running, conversation)
    assert (kept / ".blobs").is_dir()

    await Raw(running)("DELETE", f"/api/v1/conversations/{conversation.id}")

    assert not kept.exists()
