"""What a person types to see checkpoints and to undo, and who may."""

import asyncio
import json

from click.testing import CliRunner

from kernel_gateway.cli import cli
from tests.access_tokens import SECRET, caller, hs256
from tests.kernel_gateway.test_cli import read_until, start_chat
from tests.raw_http import error_of


def write(name, text):
    return f"open({name!r}, 'w').write({text!r})"


async def test_the_command_line_lists_shows_restores_undoes_and_deletes(start_gateway):
    running = await start_gateway([])
    conversation = await running.conversation()
    for text in ("first", "second"):
        await conversation.execute("x = 1\n" + write("outputs/[a].txt", text))
    await conversation.execute("x = 2")
    file = running.home(conversation.id) / "workspace" / "outputs" / "[a].txt"

    async def history(*arguments):
        options = ["--url", running.url, "--token", running.token, "-c", conversation.id]
        return await asyncio.to_thread(CliRunner().invoke, cli, ["history", *arguments, *options])

    listed = (await history("list", "--file", "A")).stdout.splitlines()
    oldest = listed[-1].split()[0]
    shown = (await history("show", oldest)).stdout
    restored = await history("restore", oldest, "outputs/[a].txt")
    after_restore = file.read_text()
    refused = await history("undo", "--to", "start")
    undone = await history("undo", "--to", "start", "--yes")
    unsure = await history("clear")
    cleared = await history("clear", "--yes")

    assert len(listed) == 3
    assert listed[-1].endswith("+outputs/[a].txt")
    assert "write outputs/[a].txt: 6 bytes → 5 bytes" in shown
    assert "Files put back: 'outputs/[a].txt'" in restored.stdout
    assert after_restore == "first"
    assert refused.exit_code == 1
    assert "outputs/[a].txt" in refused.stderr
    assert "--yes" in refused.stderr
    assert "the path stands before its first request" in undone.stdout.lower()
    assert "tallybook history undo --turn turn_" in undone.stdout
    assert not file.exists()
    assert unsure.exit_code == 2
    assert "deleted" in cleared.stdout


async def test_in_the_chat_a_request_is_reverted_after_asking(start_gateway):
    running = await start_gateway([])
    conversation = await running.conversation()
    await conversation.execute(write("outputs/a.txt", "a"))
    file = running.home(conversation.id) / "workspace" / "outputs" / "a.txt"
    process = await start_chat(running, "-c", conversation.id)

    process.stdin.write(b"/revert\n")
    await read_until(process, "[y/N]")
    before = file.exists()
    process.stdin.write(b"y\n/history\n/redo\n/revert\n")
    rest = await read_until(process, "nothing to undo")
    after = file.exists()
    process.stdin.write(b"/revert undo\nexit\n")
    printed, _ = await process.communicate()
    printed = rest.encode() + printed

    assert (before, after, file.exists()) == (True, False, True)
    assert "is undone" in printed.decode()
    assert "+outputs/a.txt" in printed.decode()
    assert "There is no /redo." in printed.decode()
    assert process.returncode == 0


async def test_users_and_reviewers_undo_viewers_and_other_tenants_do_not(start_gateway):
    running = await start_gateway([], jwt_secret=SECRET)
    ann = caller(running, hs256())
    made = json.loads((await ann("POST", "/api/v1/conversations", "{}")).body)
    history = f"/api/v1/conversations/{made['id']}/paths/main/history"
    body = json.dumps({"code": write("outputs/a.txt", "a"), "conversation": made["id"]})
    for _ in range(2):
        await ann("POST", "/api/v1/execute", body)
    [kept] = json.loads((await ann("GET", history)).body)["checkpoints"]
    undo = json.dumps({"confirm": True})
    viewer, reviewer = (caller(running, hs256(roles=(r,))) for r in ("viewer", "reviewer"))
    other = caller(running, hs256(tenant="other"))

    asked = {
        "viewer": [await viewer("GET", history), await viewer("POST", f"{history}/undo", undo)],
        "other": [
            await other("GET", history),
            await other("GET", f"{history}/{kept['id']}"),
            await other("POST", f"{history}/undo", undo),
            await other("POST", f"{history}/{kept['id']}/restore", undo),
            await other("DELETE", history),
        ],
        "reviewer": [
            await reviewer("DELETE", f"{history}/{kept['id']}"),
            await reviewer("POST", f"{history}/undo", undo),
        ],
    }

    codes = {who: [response.code for response in answers] for who, answers in asked.items()}
    assert codes == {"viewer": [200, 403], "other": [404] * 5, "reviewer": [403, 200]}
    assert error_of(asked["viewer"][1])["code"] == "forbidden"
