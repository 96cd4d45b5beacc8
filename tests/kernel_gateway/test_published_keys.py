"""Keys from a JWKS endpoint: fetched when needed, kept through its outages, never guessed at."""

import asyncio

import pytest

from kernel_gateway.settings import SettingsInvalid, load_settings
from tests.access_tokens import AUDIENCE, KeySet, caller, jwk, rs256
from tests.raw_http import error_of


@pytest.fixture
def key_set():
    made = KeySet()
    made.keys = [jwk("one")]
    yield made
    made.close()


@pytest.fixture
async def running(start_gateway, key_set):
    return await start_gateway([], jwt_jwks_url=key_set.url, jwt_audience=AUDIENCE)


async def answer(running, kid, **claims):
    return await caller(running, rs256(kid, **claims))("GET", "/api/v1/conversations")


async def test_a_new_key_is_fetched_and_unknown_ones_cannot_make_the_set_be_asked_often(
    running, key_set
):
    assert (await answer(running, "one")).code == 200
    key_set.keys = [jwk("one"), jwk("two")]

    assert (await answer(running, "two")).code == 200
    assert {(await answer(running, f"unknown-{n}")).code for n in range(20)} == {401}
    assert key_set.asked <= 4


async def test_many_callers_at_once_ask_for_the_keys_once(running, key_set):
    answers = await asyncio.gather(*(answer(running, "one") for _ in range(20)))

    assert {a.code for a in answers} == {200}
    assert key_set.asked == 1


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, b"oops"), (404, b"gone"), (200, b"<html>"), (200, b"[]"), (200, b'{"keys": []}')],
)
async def test_an_endpoint_that_gives_no_keys_is_an_outage_and_no_wrong_token(
    running, key_set, status, body
):
    key_set.status, key_set.body = status, body

    refused = await answer(running, "one")

    assert refused.code == 503
    assert error_of(refused)["code"] == "keys-unavailable"
    assert int(refused.headers["Retry-After"]) >= 1


async def test_an_endpoint_nobody_listens_at_is_an_outage(start_gateway, key_set):
    key_set.close()
    running = await start_gateway([], jwt_jwks_url=key_set.url, jwt_audience=AUDIENCE)

    refused = await answer(running, "one")

    assert refused.code == 503
    assert int(refused.headers["Retry-After"]) >= 1


async def test_in_an_outage_keys_that_were_fetched_go_on_working(running, key_set):
    assert (await answer(running, "one")).code == 200
    key_set.status = 500

    assert (await answer(running, "another")).code == 503
    assert (await answer(running, "one")).code == 200


async def test_after_an_outage_the_keys_are_fetched_again(start_gateway, key_set):
    running = await start_gateway(
        [], jwt_jwks_url=key_set.url, jwt_audience=AUDIENCE, jwt_jwks_pause_seconds=0
    )
    key_set.status = 500
    assert (await answer(running, "one")).code == 503

    key_set.status = 200

    assert (await answer(running, "one")).code == 200


async def test_keys_past_their_time_work_on_while_the_endpoint_is_away(start_gateway, key_set):
    running = await start_gateway(
        [], jwt_jwks_url=key_set.url, jwt_audience=AUDIENCE, jwt_jwks_seconds=0
    )
    assert (await answer(running, "one")).code == 200
    key_set.status = 500

    assert (await answer(running, "one")).code == 200
    assert key_set.asked >= 2


async def test_a_key_that_was_withdrawn_counts_no_more(start_gateway, key_set):
    running = await start_gateway(
        [], jwt_jwks_url=key_set.url, jwt_audience=AUDIENCE, jwt_jwks_seconds=0,
        jwt_jwks_pause_seconds=0,
    )  # fmt: skip
    assert (await answer(running, "one")).code == 200

    key_set.keys = [jwk("two")]

    assert (await answer(running, "one")).code == 401


@pytest.mark.parametrize("audience", [None, ""])
def test_a_key_set_without_an_audience_is_refused_at_the_start(audience):
    """Such a set signs the tokens of many services; each would be taken for one of ours."""
    given = {"TALLYBOOK_JWT_JWKS_URL": "https://id.example/keys"}
    if audience is not None:
        given["TALLYBOOK_JWT_AUDIENCE"] = audience

    with pytest.raises(SettingsInvalid, match="TALLYBOOK_JWT_AUDIENCE"):
        load_settings(given)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "id.example/keys", "ftp://id.example/k"])
def test_a_key_set_that_is_not_on_the_web_is_refused_at_the_start(url):
    given = {"TALLYBOOK_JWT_JWKS_URL": url, "TALLYBOOK_JWT_AUDIENCE": "a"}

    with pytest.raises(SettingsInvalid, match="TALLYBOOK_JWT_JWKS_URL"):
        load_settings(given)
