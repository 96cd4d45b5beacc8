"""A model that looks something up goes on with what it found, and the user sees what that was."""

from tests.conftest import exchange

SALES = b"Region,Sales\nNorth,1\nSouth,2\n"


def calls(name, **arguments):
    return {"parts": [{"functionCall": {"id": "c1", "name": name, "args": arguments}}]}


async def test_what_a_tool_found_reaches_the_model_and_its_call_the_user(start_gateway, tmp_path):
    (tmp_path / "sales.csv").write_bytes(SALES)
    replies = exchange("where is South", calls("search_workbook", text="south"), {"text": "In A3."})
    running = await start_gateway(replies)
    conversation = await running.conversation(tmp_path / "sales.csv")

    finished = await conversation.ask("where is South?")

    assert finished["answer"] == "In A3."
    declared = running.standin.requests[0]["tools"][0]["functionDeclarations"]
    assert [each["name"] for each in declared][:2] == ["run_code", "describe_table"]
    response = running.standin.requests[1]["contents"][-1]["parts"][0]["functionResponse"]
    assert (response["name"], response["response"]["status"]) == ("search_workbook", "ok")
    assert "A3: 'South'" in response["response"]["result"]
    [called] = conversation.of_kind("tool.called")
    assert (called["name"], called["arguments"]) == ("search_workbook", {"text": "south"})


async def test_a_call_of_an_unknown_function_is_explained_to_the_model(start_gateway):
    replies = exchange("do it", calls("write_cells", range="A1"), {"text": "I can't."})
    running = await start_gateway(replies)
    conversation = await running.conversation()

    finished = await conversation.ask("do it")

    assert finished["answer"] == "I can't."
    response = running.standin.requests[1]["contents"][-1]["parts"][0]["functionResponse"]
    assert "There is no function 'write_cells'" in response["response"]["error"]


async def test_lookups_without_end_spend_the_steps_of_the_turn(start_gateway):
    running = await start_gateway(exchange("again", *[calls("read_preview", file="a")] * 40))
    conversation = await running.conversation()

    finished = await conversation.ask("again")

    assert finished["status"] == "error"
    assert "There is no file 'a'" in str(finished["error"])


async def test_a_language_that_is_none_is_explained_to_the_model(start_gateway):
    odd = [["bash"], {"bash": 1}, 5, "cobol"]
    replies = exchange(
        "do it", *[calls("run_code", code="x = 1", language=each) for each in odd], {"text": "No."}
    )
    running = await start_gateway(replies, repairs=9)
    conversation = await running.conversation()

    finished = await conversation.ask("do it")

    assert finished["answer"] == "No."
    for request in running.standin.requests[1:]:
        response = request["contents"][-1]["parts"][0]["functionResponse"]["response"]
        assert "`language` must be one of python" in response["error"]
