"""What Gemini alone has; what all models have in common is in tests/contracts/test_models.py."""

import pytest

from agent.models.gemini import GeminiModel
from kernel_gateway.settings import Settings
from tests.conftest import code_reply
from tests.contracts.test_models import ASKED, answered, generate, said

pytestmark = pytest.mark.check


async def test_thought_signatures_are_sent_back_as_they_came(standin):
    server = standin([{"when": {}, "reply": code_reply("x = 1")}])
    model = GeminiModel("gemini-x", api_key="k", base_url=server.base_url)
    reply, _ = await generate(model)

    await generate(model, [*ASKED, said(reply), answered(reply.calls[0], status="ok")])
    await model.aclose()

    part = server.requests[1]["contents"][1]["parts"][-1]
    assert part["functionCall"]["args"]["code"] == "x = 1"
    assert part["thoughtSignature"]


async def test_embeddings_come_through_the_same_address(standin):
    from google import genai

    server = standin([])
    client = genai.Client(api_key="k", http_options={"base_url": server.base_url})

    vectors = client.models.embed_content(
        model="gemini-embedding-001", contents=["sales by region", "sales by region", "tax"]
    ).embeddings
    client.close()

    assert vectors[0].values == vectors[1].values
    assert vectors[0].values != vectors[2].values


async def test_a_missing_key_is_forbidden_by_the_stand_in_as_by_the_service(standin):
    import urllib.error
    import urllib.request

    server = standin([])
    request = urllib.request.Request(f"{server.base_url}/v1beta/models")

    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)

    assert caught.value.code == 403
    caught.value.close()


def test_the_default_model_is_the_documented_one():
    assert Settings().model == "gemini-3.8-flash"
