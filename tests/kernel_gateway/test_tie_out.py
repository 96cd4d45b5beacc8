"""What a cell has written is tied out against what was read: record, event, model, terminal."""

import json

from tests.conftest import PIVOT, STACK


async def test_x(start_gateway, examples):
    running = await start_gateway()
    conversation = await running.conversation(*examples)
    await conversation.ask(STACK)
    await conversation.ask(PIVOT)
    for r in conversation.of_kind("result.checked"):
        print(json.dumps(r, indent=1))
    print(len(json.dumps(conversation.cells()[-2]["metadata"]["tallybook"]["tie_out"])))
    print(
        running.standin.requests[-1]["contents"][-1]
        if "contents" in running.standin.requests[-1]
        else ""
    )
