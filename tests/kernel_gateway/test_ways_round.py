"""No way round the risk check: code that a kernel never gets to see through it does not run."""

import pytest

from tests.jupyter_client import Client

ASKED = {"silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}
WRITES = "__import__('os').system('touch /workspace/outputs/seen')"
LOOKS = "import pathlib\nprint(pathlib.Path('/workspace/outputs/seen').exists())"


@pytest.fixture
async def client(running, kernel):
    return await Client(running, kernel).connect()


async def found(client):
    """Return whether the code that was not to run has run."""
    asked = await client.execute(LOOKS)
    assert (await client.until_done(asked))["status"] == "ok"
    return client.printed(asked) == "True\n"


async def test_code_on_the_control_channel_is_refused(client):
    asked = await client.send("execute_request", {"code": WRITES, **ASKED}, "control")
    reply = await client.until_done(asked)

    assert (reply["status"], reply["ename"]) == ("error", "message-malformed")
    assert not await found(client)


@pytest.mark.parametrize("silent", [False, True])
async def test_an_expression_beside_the_code_is_checked_like_code(client, silent):
    expressions = {"fine": "1 + 1", "hostile": WRITES}
    asked = await client.execute("1", silent=silent, user_expressions=expressions)
    reply = await client.until_done(asked)

    assert (reply["status"], reply["ename"]) == ("error", "blocked")
    assert not await found(client)


async def test_a_harmless_expression_is_answered(client):
    asked = await client.execute("x = 20", user_expressions={"twice": "2 * x"})
    reply = await client.until_done(asked)

    assert reply["user_expressions"]["twice"]["data"] == {"text/plain": "40"}


@pytest.mark.parametrize("expressions", [["2 * 3"], "2 * 3", 6, {"six": ["2 * 3"]}])
async def test_expressions_of_another_shape_are_refused(client, expressions):
    reply = await client.until_done(await client.execute("1", user_expressions=expressions))

    assert (reply["status"], reply["ename"]) == ("error", "message-malformed")


@pytest.mark.parametrize("silent", [False, True])
@pytest.mark.parametrize("code", [None, 5, True, ["x = 1"], {"x": 1}])
async def test_code_of_another_shape_is_refused(client, code, silent):
    reply = await client.until_done(await client.execute(code, silent=silent))

    assert (reply["status"], reply["ename"]) == ("error", "message-malformed")


@pytest.mark.parametrize("channel", ["shell", "control", "stdin"])
@pytest.mark.parametrize("kind", ["debug_request", "apply_request", "anything"])
async def test_a_kind_of_message_that_nobody_foresaw_is_refused(client, channel, kind):
    reply = await client.until_done(await client.send(kind, {"code": WRITES}, channel))

    assert (reply["status"], reply["ename"]) == ("error", "message-malformed")
    assert not await found(client)


@pytest.mark.parametrize("channel", ["shell", "control"])
async def test_questions_about_the_kernel_are_answered_on_both_channels(client, channel):
    reply = await client.until_done(await client.send("kernel_info_request", {}, channel))

    assert reply["implementation"] == "ipython"


async def test_what_runs_unseen_is_in_the_audit_list(running, client):
    expressions = {"twice": "2 * x"}
    await client.until_done(await client.execute("x = 20", user_expressions=expressions))
    await client.until_done(await client.execute("y = x + 1", silent=True))
    await client.until_done(await client.execute("y", silent=False))

    lines = (await running.client.get("/api/v1/audit"))["audit"]
    told = [line for line in lines if line["action"] == "code.unseen"]

    assert [line["detail"]["code"] for line in told] == [["y = x + 1"], ["2 * x"]]
    assert {line["target"] for line in told} == {"main"}


async def test_what_would_run_unseen_is_not_longer_than_a_cell(client):
    reply = await client.until_done(await client.execute("#" * 200_000, silent=True))

    assert (reply["status"], reply["ename"]) == ("error", "code-too-long")
