"""Signing in with a browser: the cookie, links that foreign pages give, wrong tokens."""

import json
import re

import pytest
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

from tests.access_tokens import SECRET, hs256
from tests.raw_http import Raw, error_of

BEHIND_TLS = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.7"}
COOKIE = "tallybook_token"
HOST_COOKIE = f"__Host-{COOKIE}"


def browser(running):
    raw = Raw(running)
    raw.headers = {}
    return raw


def cookies(response):
    """Name → (value, attributes) of the cookies that were set."""
    found = {}
    for line in response.headers.get_list("Set-Cookie"):
        first, *attributes = [part.strip() for part in line.split(";")]
        name, _, value = first.partition("=")
        found[name] = (
            value,
            {a.partition("=")[0].lower(): a.partition("=")[2] for a in attributes},
        )
    return found


@pytest.fixture
async def running(start_gateway):
    return await start_gateway([], jwt_secret=SECRET)


# the cookie


async def test_behind_a_tls_proxy_the_cookie_is_for_tls_and_this_host_only(running):
    response = await browser(running)("GET", f"/?token={hs256()}", headers=BEHIND_TLS)

    _, attributes = cookies(response)[HOST_COOKIE]
    assert response.code == 302
    assert COOKIE not in cookies(response)
    assert "secure" in attributes
    assert attributes["path"] == "/"
    assert "domain" not in attributes
    assert attributes["samesite"] == "Strict"
    assert "httponly" in attributes


async def test_behind_a_tls_proxy_that_cookie_signs_in_and_a_plain_one_does_not(running):
    token = hs256()

    async def code(name):
        headers = {**BEHIND_TLS, "Cookie": f"{name}={token}"}
        return (await browser(running)("GET", "/api/v1/conversations", headers=headers)).code

    assert await code(HOST_COOKIE) == 200
    assert await code(COOKIE) == 401


async def test_without_tls_the_cookie_is_a_plain_one(running):
    response = await browser(running)("GET", f"/?token={hs256()}")

    _, attributes = cookies(response)[COOKIE]
    assert "secure" not in attributes


async def test_who_is_no_trusted_proxy_is_not_believed(start_gateway):
    running = await start_gateway([], jwt_secret=SECRET, trusted_proxies="192.0.2.0/24")

    response = await browser(running)("GET", f"/?token={hs256()}", headers=BEHIND_TLS)

    assert COOKIE in cookies(response)


async def test_behind_tls_a_page_without_tls_is_foreign(running):
    headers = {**BEHIND_TLS, "Cookie": f"{HOST_COOKIE}={hs256()}"}
    host = running.url.removeprefix("http://")

    async def code(origin):
        given = {**headers, "Origin": origin}
        return (await browser(running)("POST", "/api/v1/conversations", "{}", given)).code

    assert await code(f"https://{host}") == 201
    assert await code(f"http://{host}") == 401


async def test_the_cookie_ends_with_its_token(running):
    response = await browser(running)("GET", f"/?token={hs256(exp=2_000_000_000)}")

    _, attributes = cookies(response)[COOKIE]
    assert attributes["expires"] == "Wed, 18 May 2033 03:33:20 GMT"


# links that foreign pages give


async def test_a_link_does_not_replace_the_session_of_another_user(running):
    signed_in = {"Cookie": f"{COOKIE}={hs256(user='ann')}"}

    response = await browser(running)("GET", f"/?token={hs256(user='eve')}", headers=signed_in)

    assert cookies(response) == {}
    assert "Location" not in response.headers
    assert "ann" in response.body.decode()
    assert "eve" in response.body.decode()


async def test_a_link_on_a_foreign_page_does_not_either_though_the_cookie_stays_at_home(running):
    """A browser sends no strict cookie with a click on another site's page."""
    first = await browser(running)("GET", f"/?token={hs256(user='ann')}")
    lax = {n: v for n, (v, attributes) in cookies(first).items() if attributes["samesite"] == "Lax"}
    sent = {"Cookie": "; ".join(f"{n}={v}" for n, v in lax.items()), "Sec-Fetch-Site": "cross-site"}

    response = await browser(running)("GET", f"/?token={hs256(user='eve')}", headers=sent)

    assert lax
    assert cookies(response) == {}


async def test_what_a_foreign_click_brings_along_signs_nobody_in(running):
    first = await browser(running)("GET", f"/?token={hs256(user='ann')}")
    lax = {n: v for n, (v, attributes) in cookies(first).items() if attributes["samesite"] == "Lax"}
    sent = {"Cookie": "; ".join(f"{n}={v}" for n, v in lax.items())}

    assert (await browser(running)("GET", "/api/v1/conversations", headers=sent)).code == 401


async def test_the_same_user_is_signed_in_again_by_a_link(running):
    signed_in = {"Cookie": f"{COOKIE}={hs256(user='ann')}"}

    response = await browser(running)("GET", f"/?token={hs256(user='ann')}", headers=signed_in)

    assert response.code == 302
    assert COOKIE in cookies(response)


async def test_a_session_that_has_expired_stands_in_nobodys_way(running):
    signed_in = {"Cookie": f"{COOKIE}={hs256(user='ann', exp=1)}"}

    response = await browser(running)("GET", f"/?token={hs256(user='eve')}", headers=signed_in)

    assert response.code == 302


async def confirm(running, token, origin):
    headers = {"Cookie": f"{COOKIE}={hs256(user='ann')}"}
    headers["Content-Type"] = "application/x-www-form-urlencoded"
    if origin is not None:
        headers["Origin"] = origin
    return await browser(running)("POST", "/", f"token={token}", headers)


async def test_the_page_asks_and_a_yes_on_it_changes_the_user(running):
    token = hs256(user="eve")
    signed_in = {"Cookie": f"{COOKIE}={hs256(user='ann')}"}
    page = await browser(running)("GET", f"/?token={token}", headers=signed_in)
    (offered,) = re.findall(r'name="token" value="([^"]+)"', page.body.decode())

    response = await confirm(running, offered, running.url)

    assert response.code == 303
    assert response.headers["Location"] == "/"
    assert cookies(response)[COOKIE][0] == token
    # With "no-referrer" browsers send the form with "Origin: null".
    assert page.headers["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize("origin", ["https://evil.example", "null", None])
async def test_a_yes_counts_from_the_services_own_page_only(running, origin):
    response = await confirm(running, hs256(user="eve"), origin)

    assert response.code == 403
    assert error_of(response)["code"] == "foreign-origin"
    assert cookies(response) == {}


@pytest.mark.parametrize("body", ["", "token=", "token=wrong", "token=%ff", "x" * 10_000])
async def test_a_yes_without_a_right_token_signs_nobody_in(running, body):
    headers = {"Origin": running.url, "Content-Type": "application/x-www-form-urlencoded"}

    response = await browser(running)("POST", "/", body, headers)

    assert response.code == 401
    assert error_of(response)["code"] == "not-authenticated"


# wrong tokens


async def fail(running, times, token="wrong", headers=None):
    given = {"Authorization": f"Bearer {token}", **(headers or {})}
    raw = browser(running)
    return [await raw("GET", "/api/v1/conversations", headers=given) for _ in range(times)]


async def test_wrong_tokens_from_one_address_have_to_wait(start_gateway):
    running = await start_gateway([], jwt_secret=SECRET, failed_tokens_per_minute=5)

    answers = await fail(running, 7)

    assert [a.code for a in answers] == [401] * 5 + [429] * 2
    assert error_of(answers[-1])["code"] == "too-many-failed-tokens"
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60


async def test_right_tokens_from_that_address_go_on_working(start_gateway):
    running = await start_gateway([], jwt_secret=SECRET, failed_tokens_per_minute=5)
    await fail(running, 7)

    assert [a.code for a in await fail(running, 3, hs256())] == [200] * 3


async def test_the_generated_token_goes_on_working_too(start_gateway):
    running = await start_gateway([], failed_tokens_per_minute=5)
    await fail(running, 7)

    assert (await Raw(running)("GET", "/api/v1/conversations")).code == 200


async def test_a_token_that_is_short_enough_to_guess_has_to_wait_as_well(start_gateway):
    running = await start_gateway([], token="hunter2", failed_tokens_per_minute=5)
    await fail(running, 7)

    assert (await Raw(running)("GET", "/api/v1/conversations")).code == 429


async def test_other_addresses_behind_the_proxy_do_not_wait(start_gateway):
    running = await start_gateway([], jwt_secret=SECRET, failed_tokens_per_minute=5)

    def from_(address):
        return {"X-Forwarded-For": f"198.51.100.99, {address}"}  # the client's word, the proxy's

    one = await fail(running, 7, headers=from_("203.0.113.7"))
    (other,) = await fail(running, 1, headers=from_("203.0.113.8"))

    assert one[-1].code == 429
    assert other.code == 401


async def test_an_ipv6_network_is_one_address(start_gateway):
    running = await start_gateway([], jwt_secret=SECRET, failed_tokens_per_minute=5)

    answers = [
        (await fail(running, 1, headers={"X-Forwarded-For": f"2001:db8::{n}"}))[0] for n in range(7)
    ]

    assert answers[-1].code == 429


async def test_a_missing_or_expired_token_is_no_guess(start_gateway):
    running = await start_gateway([], jwt_secret=SECRET, failed_tokens_per_minute=3)

    expired = await fail(running, 5, hs256(exp=1))
    missing = [await browser(running)("GET", "/api/v1/conversations") for _ in range(5)]

    assert {a.code for a in expired + missing} == {401}


@pytest.mark.parametrize("address", ["/?token=wrong", "/api/kernels?token=wrong"])
async def test_wrong_tokens_in_addresses_have_to_wait_too(start_gateway, address):
    running = await start_gateway([], jwt_secret=SECRET, failed_tokens_per_minute=2)

    answers = [await browser(running)("GET", address) for _ in range(4)]

    assert [a.code for a in answers] == [401, 401, 429, 429]


async def test_wrong_tokens_of_websockets_have_to_wait_too(start_gateway):
    running = await start_gateway([], jwt_secret=SECRET, failed_tokens_per_minute=2)
    url = running.url.replace("http", "ws") + "/api/v1/conversations/x/paths/main/events"
    refused = []

    for _ in range(3):
        with pytest.raises(HTTPClientError) as caught:
            await websocket_connect(HTTPRequest(url, headers={"Authorization": "Bearer wrong"}))
        refused.append(caught.value)

    assert [error.code for error in refused] == [401, 401, 429]
    assert int(refused[-1].response.headers["Retry-After"]) >= 1
    assert json.loads(refused[-1].response.body)["error"]["code"] == "too-many-failed-tokens"
