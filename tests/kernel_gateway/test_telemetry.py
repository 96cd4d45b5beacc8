"""What an operator sees: numbers and spans without contents, readiness, alert rules that fit."""

import asyncio
import json
import re
from pathlib import Path

import pytest
import yaml
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.conftest import code_reply, exchange
from tests.raw_http import Raw, metrics

ALERTS = Path(__file__).resolve().parents[2] / "deploy" / "prometheus-alerts.yml"
SECRET = "salary of 123456"


async def test_what_happens_is_counted(start_gateway):
    running = await start_gateway([])
    conversation = await running.conversation()
    await conversation.execute("1")
    await conversation.execute("1 / 0")

    seen = await metrics(running)

    assert seen["tallybook_contexts_created_total"] == 1
    assert seen["tallybook_active_sandboxes"] == 1
    assert seen['tallybook_executions_total{status="ok"}'] == 1
    assert seen['tallybook_executions_total{status="error"}'] == 1
    assert seen['tallybook_turns_total{kind="execute",status="error"}'] == 1
    assert seen["tallybook_execution_seconds_count"] == 2
    assert seen["tallybook_queue_depth"] == 0
    assert seen["tallybook_lost_outputs_total"] == 0
    assert seen["tallybook_websockets"] == 1


async def test_a_terminated_and_a_restored_context_are_counted(start_gateway):
    running = await start_gateway([])
    conversation = await running.conversation()
    await conversation.execute("x = 1")
    await running.gateway.services.contexts.terminate(conversation.key)
    await conversation.execute("x")

    seen = await metrics(running)

    assert seen['tallybook_contexts_terminated_total{status="terminated"}'] == 1
    assert seen['tallybook_contexts_restored_total{complete="yes"}'] == 1


async def test_events_that_could_not_be_stored_are_counted(start_gateway):
    running = await start_gateway([])
    conversation = await running.conversation()
    events = running.gateway.services.events
    with pytest.raises(Exception, match="NOT NULL"):
        await events.append(conversation.key, None, {}, None)

    assert (await metrics(running))["tallybook_lost_outputs_total"] == 1


@pytest.mark.parametrize(("public", "status"), [(False, 401), (True, 200)])
async def test_metrics_need_a_token_unless_opened(start_gateway, public, status):
    raw = Raw(await start_gateway([], metrics_public=public))
    raw.headers = {}

    assert (await raw("GET", "/metrics")).code == status


async def test_every_metric_an_alert_names_is_there(start_gateway):
    running = await start_gateway([])
    text = (await Raw(running)("GET", "/metrics")).body.decode()
    known = set(re.findall(r"^# TYPE (\w+) ", text, re.MULTILINE))

    rules = [r for g in yaml.safe_load(ALERTS.read_text())["groups"] for r in g["rules"]]

    for rule in rules:
        named = set(re.findall(r"tallybook_\w+", rule["expr"]))
        bare = {re.sub(r"_bucket$", "", name) for name in named}
        assert bare <= known | {f"{name}_total" for name in known}, rule["alert"]
        assert rule["annotations"]["summary"]


async def test_a_thumb_is_taken_and_the_last_one_counts(start_gateway):
    running = await start_gateway([])
    conversation = await running.conversation()
    await conversation.execute("1")
    raw = Raw(running)
    [turn] = json.loads((await raw("GET", f"{conversation.url}/turns")).body)["turns"]

    for rating in ("down", "up"):
        body = json.dumps({"rating": rating, "comment": "because"})
        assert (await raw("POST", f"/api/v1/turns/{turn['id']}/rating", body)).code == 200

    [turn] = json.loads((await raw("GET", f"{conversation.url}/turns")).body)["turns"]
    assert turn["rating"] == "up"
    assert (await metrics(running))['tallybook_ratings_total{rating="down"}'] == 1
    bad = await raw("POST", f"/api/v1/turns/{turn['id']}/rating", '{"rating": "sideways"}')
    assert bad.code == 400


@pytest.fixture(scope="module")
def exporter():
    found = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(found))
    trace.set_tracer_provider(provider)
    return found


async def test_spans_tell_ids_and_sizes_and_never_contents(start_gateway, exporter):
    replies = (code_reply(f"print('{SECRET}')"), {"text": f"It is the {SECRET}."})
    running = await start_gateway(exchange(f"what is the {SECRET}?", *replies))
    conversation = await running.conversation()
    await conversation.ask(f"what is the {SECRET}?")

    spans = exporter.get_finished_spans()

    assert {"context.get_or_create", "cell.execute", "model.generate", "risk.assess"} <= {
        span.name for span in spans
    }
    assert SECRET not in json.dumps([[s.name, dict(s.attributes or {})] for s in spans])
    [cell] = [s for s in spans if s.name == "cell.execute"][-1:]
    assert cell.attributes["status"] == "ok"


# readiness


async def test_a_service_that_works_is_ready(start_gateway):
    raw = Raw(await start_gateway([]))
    raw.headers = {}

    answer = json.loads((await raw("GET", "/ready")).body)

    assert answer == {
        "ready": True,
        "checks": {"sandbox": "ok", "turns": "ok", "database": "ok", "disk": "ok"},
    }


async def test_while_it_drains_it_takes_no_new_turns_and_running_ones_end(start_gateway):
    running = await start_gateway([])
    conversation = await running.conversation()
    await conversation.connection.send(
        "execute.request", code="print('on', flush=True)\nimport time; time.sleep(1); print('done')"
    )
    await conversation.until("cell.output")

    draining = asyncio.create_task(running.gateway.services.turns.drain(20))
    await asyncio.sleep(0)
    body = json.dumps({"code": "1", "conversation": conversation.id})
    refused = await Raw(running)("POST", "/api/v1/execute", body)
    ready = await Raw(running)("GET", "/ready")
    finished = (await conversation.until("turn.finished"))["data"]

    assert (refused.code, json.loads(refused.body)["error"]["code"]) == (503, "draining")
    assert ready.code == 503
    assert await draining == 0
    assert finished["status"] == "ok"
