"""The language model's library is imported with the first turn, once, however many ask."""

import asyncio

from agent.models.gemini import GeminiModel
from kernel_gateway.turns.deferred_model import DeferredModel


async def ignore(text):
    pass


def deferred(standin):
    server = standin([{"when": {"request": "hello"}, "reply": {"text": "Hi."}}])
    made = []

    def make():
        model = GeminiModel("m", api_key="test-key-7f3a", base_url=server.base_url, timeout=30)
        made.append(model)
        return model

    return DeferredModel("m", make), made


async def test_calls_at_once_make_one_model(standin):
    model, made = deferred(standin)
    history = [{"role": "user", "texts": ["hello"]}]

    replies = await asyncio.gather(*(model.generate("s", history, ignore) for _ in range(5)))
    await model.aclose()

    assert {reply.text for reply in replies} == {"Hi."}
    assert len(made) == 1


async def test_a_caller_who_goes_away_takes_the_model_from_nobody(standin):
    model, made = deferred(standin)
    history = [{"role": "user", "texts": ["hello"]}]
    leaving = asyncio.create_task(model.generate("s", history, ignore))
    staying = asyncio.create_task(model.generate("s", history, ignore))
    await asyncio.sleep(0)

    leaving.cancel()

    assert (await staying).text == "Hi."
    assert len(made) == 1
    await model.aclose()


async def test_a_model_nobody_called_is_never_made(standin):
    model, made = deferred(standin)

    await model.aclose()

    assert made == []
