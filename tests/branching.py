"""Branch a conversation, as a client does, and go on in the branch."""

import json

from kernel_gateway.terminal.client import path_url
from tests.conftest import Conversation
from tests.raw_http import Raw


async def post(running, path, body):
    return await Raw(running)("POST", path, json.dumps(body))


async def branch(running, conversation, name="What if", **source):
    response = await post(
        running, f"/api/v1/conversations/{conversation.id}/paths", {"name": name, **source}
    )
    assert response.code == 201, response.body
    made = json.loads(response.body)
    return made, await on_path(running, conversation, made["name"])


async def on_path(running, conversation, name):
    url = path_url(conversation.id, name)

    class OnPath(Conversation):
        @property
        def notebook(self):
            return running.home(self.id).parent / name / "notebook.ipynb"

    return OnPath(running, conversation.id, await running.client.connect(url))
