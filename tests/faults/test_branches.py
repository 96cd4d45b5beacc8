"""A service that dies while it makes a branch leaves none, or a whole one."""

import asyncio
import contextlib

from kernel_gateway.contexts.open_path import unfinished

FILES = 3000
WRITE = f"for n in range({FILES}): open(f'outputs/{{n}}.txt', 'w').write('x')"
COUNT = "import pathlib; print(len(list(pathlib.Path('outputs').iterdir())), x)"


async def conversation_with(service, *cells):
    conversation = await service.converse()
    for code in cells:
        assert (await conversation.execute(code))["status"] == "ok"
    return conversation


async def branch(service, conversation):
    url = f"/api/v1/conversations/{conversation.id}/paths"
    return (await service.client.post(url, {"name": "What if"}))["name"]


async def printed_in_branch(service, conversation, code):
    request = {"code": code, "conversation": conversation.id, "path": "what-if"}
    reply = await service.client.post("/api/v1/execute", request)
    assert reply["kind"] == "result", str(reply)[:3000]
    [output] = reply["outputs"]
    return output["text"]


async def test_a_branch_that_was_cut_off_is_not_there_and_can_be_made_again(service):
    await service.start()
    conversation = await conversation_with(service, "x = 1", WRITE)
    home = service.home(conversation.id).with_name("what-if")
    branching = asyncio.create_task(branch(service, conversation))
    while not (unfinished(home) / "workspace" / "outputs").exists():
        await asyncio.sleep(0)

    service.kill()
    with contextlib.suppress(Exception):  # nobody answers it any more
        await branching
    await service.start()
    url = f"/api/v1/conversations/{conversation.id}/paths"
    paths = [path["name"] for path in (await service.client.get(url))["paths"]]

    assert paths == ["main"]
    assert not home.exists()
    assert await branch(service, conversation) == "what-if"
    assert await printed_in_branch(service, conversation, COUNT) == f"{FILES} 1\n"


async def test_a_branch_that_was_entered_but_not_put_into_its_place_is_whole(service):
    await service.start()
    conversation = await conversation_with(service, "x = 1", WRITE)
    await branch(service, conversation)
    service.kill()
    home = service.home(conversation.id).with_name("what-if")
    home.rename(unfinished(home))

    await service.start()

    assert await printed_in_branch(service, conversation, COUNT) == f"{FILES} 1\n"


async def test_branches_that_are_made_at_once_get_names_and_files_of_their_own(service):
    await service.start()
    conversation = await conversation_with(service, "x = 1", WRITE)

    names = await asyncio.gather(*(branch(service, conversation) for _ in range(3)))

    assert sorted(names) == ["what-if", "what-if-2", "what-if-3"]
    for name in names:
        outputs = service.home(conversation.id).with_name(name) / "workspace" / "outputs"
        assert len(list(outputs.iterdir())) == FILES
