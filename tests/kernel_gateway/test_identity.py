"""Who may do what: tokens, tenants, roles, rates; and nothing about anybody else's data."""

import json
import time

import jwt
import pytest
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

from tests.access_tokens import KEY, PUBLIC, SECRET, caller, claims, hs256
from tests.raw_http import Raw, error_of
from tests.websockets import open_websocket


@pytest.fixture
async def running(start_gateway):
    return await start_gateway([], jwt_secret=SECRET)


async def created(raw):
    return json.loads((await raw("POST", "/api/v1/conversations", "{}")).body)["id"]


# tokens


async def test_a_token_names_tenant_and_user(running):
    ann = caller(running, hs256())

    conversation = await created(ann)

    listed = json.loads((await ann("GET", "/api/v1/conversations")).body)["conversations"]
    assert [(c["id"], c["user"]) for c in listed] == [(conversation, "ann")]


@pytest.mark.parametrize(
    "token",
    [
        jwt.encode(claims(), None, "none"),
        jwt.encode(claims(), "another-secret-of-32-characters-or-more", "HS256"),
        jwt.encode(claims(), SECRET + SECRET, "HS512"),
        jwt.encode(claims(exp=time.time() - 3600), SECRET, "HS256"),
        jwt.encode({k: v for k, v in claims().items() if k != "exp"}, SECRET, "HS256"),
        jwt.encode(claims(nbf=time.time() + 3600), SECRET, "HS256"),
        jwt.encode(claims(tenant="*"), SECRET, "HS256"),
        jwt.encode(claims(tenant=""), SECRET, "HS256"),
        jwt.encode(claims(tenant=["acme"]), SECRET, "HS256"),
        jwt.encode({**claims(), "sub": "x" * 200}, SECRET, "HS256"),
        jwt.encode({**claims(), "roles": {"admin": True}}, SECRET, "HS256"),
        jwt.encode(claims(), KEY, "RS256"),
        hs256()[:-4] + "AAAA",
        "a.b.c",
        "x" * 5000,
    ],
    ids=[
        "alg none", "another secret", "another algorithm", "expired", "without an end",
        "not yet valid", "the tenant of the service", "empty tenant", "tenants", "long user",
        "odd roles", "a key nobody set", "forged signature", "no JSON", "no token",
    ],
)  # fmt: skip
async def test_a_token_that_is_not_right_is_refused(running, token):
    response = await caller(running, token)("GET", "/api/v1/conversations")

    assert response.code == 401
    assert error_of(response)["code"] == "not-authenticated"


async def test_an_expired_token_is_told_so(running):
    response = await caller(running, hs256(exp=time.time() - 99))("GET", "/api/v1/conversations")

    assert "expired" in error_of(response)["message"]


async def test_with_jwt_set_up_the_generated_local_token_does_not_count(running):
    response = await caller(running, running.token)("GET", "/api/v1/conversations")

    assert response.code == 401


async def test_a_public_key_is_no_hmac_secret(start_gateway):
    running = await start_gateway([], jwt_public_key=PUBLIC.decode())
    good = jwt.encode(claims(), KEY, "RS256")
    header, body, _ = jwt.encode(claims(), SECRET, "HS256").split(".")
    import base64
    import hashlib
    import hmac

    signed = hmac.new(PUBLIC, f"{header}.{body}".encode(), hashlib.sha256).digest()
    confused = f"{header}.{body}.{base64.urlsafe_b64encode(signed).rstrip(b'=').decode()}"

    assert (await caller(running, good)("GET", "/api/v1/conversations")).code == 200
    assert (await caller(running, confused)("GET", "/api/v1/conversations")).code == 401


async def test_issuer_and_audience_must_be_the_ones_set(start_gateway):
    running = await start_gateway(
        [], jwt_secret=SECRET, jwt_audience="tallybook", jwt_issuer="https://id.example"
    )
    right = {"aud": "tallybook", "iss": "https://id.example"}

    async def code(**given):
        return (await caller(running, hs256(**given))("GET", "/api/v1/conversations")).code

    assert await code(**right) == 200
    assert await code() == 401
    assert await code(**{**right, "aud": "another"}) == 401
    assert await code(**{**right, "iss": "https://evil.example"}) == 401


# tenants


async def test_another_tenants_things_look_exactly_like_absent_ones(running):
    ann, bob = caller(running, hs256()), caller(running, hs256(tenant="other", user="bob"))
    theirs, absent = await created(ann), "conv_0123456789abcdef"
    run = json.dumps({"code": "1", "conversation": theirs})
    turn = json.loads((await ann("POST", "/api/v1/execute", run)).body)["turn"]

    for method, path, body in [
        ("GET", "/api/v1/conversations/{}", None),
        ("GET", "/api/v1/conversations/{}/paths/main/files", None),
        ("GET", "/api/v1/conversations/{}/paths/main/notebook", None),
        ("POST", "/api/v1/conversations/{}/paths/main/turns", '{"request": "x"}'),
        ("POST", "/api/v1/conversations/{}/paths/main/cancel", "{}"),
    ]:
        seen = await bob(method, path.format(theirs), body)
        none = await bob(method, path.format(absent), body)
        assert seen.code == none.code == 404
        assert seen.body.replace(theirs.encode(), b"") == none.body.replace(absent.encode(), b"")
    assert (await bob("GET", f"/api/v1/turns/{turn}")).code == 404
    assert json.loads((await bob("GET", "/api/v1/conversations")).body)["conversations"] == []


async def test_a_websocket_of_another_tenants_path_is_absent(running):
    theirs = await created(caller(running, hs256()))
    url = running.url.replace("http", "ws") + f"/api/v1/conversations/{theirs}/paths/main/events"
    headers = {"Authorization": f"Bearer {hs256(tenant='other')}"}

    with pytest.raises(HTTPClientError) as caught:
        await websocket_connect(HTTPRequest(url, headers=headers))

    assert caught.value.code == 404


# roles


@pytest.mark.parametrize(
    ("role", "read", "run", "audit"),
    [
        ("viewer", 200, 403, 403),
        ("user", 200, 201, 403),
        ("reviewer", 200, 403, 200),
        ("admin", 200, 201, 200),
        ("king", 403, 403, 403),
    ],
)
async def test_each_role_may_do_its_part_and_no_more(running, role, read, run, audit):
    raw = caller(running, hs256(roles=[role]))

    codes = [
        (await raw("GET", "/api/v1/conversations")).code,
        (await raw("POST", "/api/v1/conversations", "{}")).code,
        (await raw("GET", "/api/v1/audit")).code,
    ]

    assert codes == [read, run, audit]


async def test_who_may_only_look_can_follow_a_path_but_send_nothing_to_it(running):
    conversation = await created(caller(running, hs256()))
    url = f"{running.url}/api/v1/conversations/{conversation}/paths/main/events"
    headers = {"Authorization": f"Bearer {hs256(roles=['viewer'])}"}
    socket = await open_websocket(url, headers)

    await socket.write_message(json.dumps({"kind": "execute.request", "code": "1"}))
    refused = json.loads(await socket.read_message())

    assert refused["data"]["error"]["code"] == "forbidden"


# rates


async def test_too_many_requests_of_one_user_wait_and_others_do_not(start_gateway):
    running = await start_gateway([], jwt_secret=SECRET, requests_per_minute=5)
    ann, bob = caller(running, hs256()), caller(running, hs256(user="bob"))

    answers = [await ann("GET", "/api/v1/conversations") for _ in range(7)]

    assert [a.code for a in answers] == [200] * 5 + [429] * 2
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 12
    assert error_of(answers[-1])["code"] == "rate-limited"
    assert (await bob("GET", "/api/v1/conversations")).code == 200


async def test_jupyters_addresses_say_when_to_go_on_too(start_gateway):
    running = await start_gateway([], jwt_secret=SECRET, requests_per_minute=1)
    ann = caller(running, hs256())

    answers = [await ann("GET", "/api/kernels") for _ in range(2)]

    assert [a.code for a in answers] == [200, 429]
    assert int(answers[1].headers["Retry-After"]) >= 1
    assert json.loads(answers[1].body)["message"]


# pages of other origins


async def test_a_page_of_an_allowed_origin_may_use_its_own_token(start_gateway):
    running = await start_gateway([], allow_origins="https://addin.example")
    raw = Raw(running)
    raw.headers = {**raw.headers, "Origin": "https://addin.example"}

    preflight = await raw("OPTIONS", "/api/v1/conversations")
    answer = await raw("GET", "/api/v1/conversations")

    assert preflight.code == 204
    assert "Authorization" in preflight.headers["Access-Control-Allow-Headers"]
    assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
    assert answer.headers["Access-Control-Allow-Origin"] == "https://addin.example"
    assert "Access-Control-Allow-Credentials" not in answer.headers


async def test_a_page_of_any_other_origin_is_told_nothing(start_gateway):
    running = await start_gateway([], allow_origins="https://addin.example")
    raw = Raw(running)
    raw.headers = {**raw.headers, "Origin": "https://evil.example"}

    assert "Access-Control-Allow-Origin" not in (await raw("GET", "/api/v1/conversations")).headers


async def test_the_caller_sees_what_their_roles_let_them_do(start_gateway):
    running = await start_gateway([], jwt_secret=SECRET)

    answer = await caller(running, hs256(user="rita", roles=("reviewer", "viewer")))(
        "GET", "/api/v1/me"
    )

    me = json.loads(answer.body)
    assert (me["tenant"], me["user"], me["roles"]) == ("acme", "rita", ["reviewer", "viewer"])
    assert me["scopes"] == ["audit", "read", "rerun", "review", "undo"]
    assert me["expires_at"].startswith("20")
