"""The OpenAPI document: complete, valid, and what the service really does."""

import asyncio
import json
import os
import re
import shutil
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from kernel_gateway.app import ROUTES
from kernel_gateway.http.json_handler import JsonHandler
from kernel_gateway.http.openapi import METHODS, make_document
from tests.raw_http import Raw


@pytest.fixture(scope="module")
def document():
    return make_document(ROUTES)


def test_every_method_of_every_address_is_described(document):
    for route in ROUTES:
        if route.websocket:
            continue
        for method in METHODS:
            own = getattr(route.handler, method.lower()) is not getattr(JsonHandler, method.lower())
            refuses = route.handler.__name__ in ("ContentsHandler", "CheckpointsHandler")
            described = method.lower() in document["paths"].get(
                route.template.replace("*}", "}"), {}
            )
            assert described or not own or refuses, f"{method} {route.template}"


def test_operation_ids_are_unique(document):
    ids = [
        facts["operationId"]
        for methods in document["paths"].values()
        for name, facts in methods.items()
        if name != "parameters"
    ]

    assert len(ids) == len(set(ids))


def test_its_schemas_are_valid_json_schema(document):
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


async def test_it_is_served_to_programs_and_as_a_page_without_a_cdn(start_gateway):
    raw = Raw(await start_gateway([]))
    raw.headers = {}

    served = json.loads((await raw("GET", "/api/v1/openapi.json")).body)
    page = (await raw("GET", "/api/v1/docs")).body.decode()

    assert served["openapi"] == "3.1.0"
    assert "/api/v1/conversations/{conversation}/paths/{path}/merge" in page
    assert "http://" not in page
    assert "https://" not in page


@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    "examples", [5, pytest.param(100, marks=[pytest.mark.soak, pytest.mark.timeout(3600)])]
)
async def test_schemathesis_finds_no_answer_the_document_does_not_allow(
    start_gateway, tmp_path, examples
):
    """Thousands of made-up requests: never a 500, never another shape than stated."""
    answer = {"when": {}, "reply": {"text": "Yes."}}
    running = await start_gateway(
        [answer],
        requests_per_minute=0,
        failed_tokens_per_minute=0,  # each operation is tried with wrong tokens
        max_kernels=4,
        warm_kernels=0,
    )
    command = Path(sys.executable).with_name("schemathesis")
    arguments = [
        "run", f"{running.url}/api/v1/openapi.json",
        "--header", f"Authorization: Bearer {running.token}",
        "--phases", "examples,coverage,fuzzing",
        "--max-examples", str(examples), "--seed", "7", "--request-timeout", "60", "--workers", "2",
        "--checks", "not_a_server_error,status_code_conformance,content_type_conformance,"
        "response_schema_conformance,response_headers_conformance,ignored_auth",
        "--exclude-path", "/api/v1/users/{user}",
        "--exclude-path", "/api/v1/demo",  # takes nothing that could be wrong, and runs three turns
        # It can't make bodies of this media type; test_resumable_uploads.py sends wrong ones.
        "--exclude-operation-id", "patch_api_v1_conversations__paths__uploads_",
        "--suppress-health-check", "filter_too_much", "--no-color",
    ]  # fmt: skip
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TALLYBOOK")}
    process = await asyncio.create_subprocess_exec(
        str(command), *arguments, cwd=tmp_path, env=environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    shutil.rmtree(tmp_path / ".hypothesis", ignore_errors=True)

    assert process.returncode == 0, output.decode()[-6000:]


def test_every_reference_in_the_document_leads_to_a_model(document):
    """Two models of one name would be renamed, and references to them lead nowhere."""
    text = json.dumps(document)

    named = set(re.findall(r'"#/components/schemas/([^"]+)"', text))
    assert named <= set(document["components"]["schemas"])
    assert not [name for name in document["components"]["schemas"] if "__" in name]
