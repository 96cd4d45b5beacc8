"""The network broker against hostile cells, hostile servers and hostile names."""

import asyncio
import base64
import gzip
import html
import json
import socket
from urllib.parse import quote, quote_plus

import pytest
from tornado.netutil import Resolver

from agent.permission.network import address_of, targets_among
from agent.ports import Decision
from container.inside.network import BROKER
from kernel_gateway.network.addresses import may_be_called
from kernel_gateway.network.broker import CallRefused, NetworkBroker, Use
from kernel_gateway.network.cell_network import SERVED_AT_ONCE, CellNetwork
from kernel_gateway.network.client import CallFailed, HttpClient, Limits, Request
from kernel_gateway.network.secrets import Secret
from kernel_gateway.proxies import networks
from notebooks.history.blobs import Blobs
from tests.network_servers import http_server
from tests.waiting import eventually

LOOPBACK = networks("127.0.0.0/8")
PERMITTED = ("network",)


@pytest.fixture(scope="module")
def server():
    with http_server() as started:
        yield started


class Names(Resolver):
    """Resolves each name to the addresses that are next in its list."""

    def initialize(self, answers):
        self.answers, self.asked = answers, 0

    async def resolve(self, host, port, family=socket.AF_UNSPEC):
        self.asked += 1
        address = self.answers[min(self.asked, len(self.answers)) - 1]
        return [(socket.AF_INET, (address, port))]


@pytest.fixture
def blobs(tmp_path):
    return Blobs(tmp_path / "blobs", None, 10**9, 10**9)


@pytest.fixture
def noted():
    return []


@pytest.fixture
def use(blobs, noted):
    """Make what a cell may do with the network: the given targets, once."""

    async def none():
        return []

    async def note(facts):
        noted.append(facts)

    def make(*targets):
        granted = targets_among(f"network:{target}" for target in targets)
        return Use(cell="c1", once=granted, standing=none, blobs=blobs, note=note)

    return make


@pytest.fixture
def broker():
    """Make a broker; at the end they are closed."""
    made = []

    def make(secrets=(), private=LOOPBACK, resolver=None, **limits):
        client = HttpClient(Limits(**limits), private=private, resolver=resolver)
        made.append(client)
        return NetworkBroker(client, secrets)

    yield make
    for client in made:
        client.close()


def get(url, method="GET", **more):
    return Request(method=method, url=url, **more)


# what was not granted


async def test_what_was_not_granted_is_refused_and_noted(broker, use, server, noted):
    mine = use(f"GET {server.url}/v1/sales.csv", f"GET {server.url}/deep/*")
    server.seen.clear()
    for request in (
        get(f"{server.url}/v1/sales.json"),
        get(f"{server.url}/v1/sales.csv", "POST"),
        get(server.url.replace("http:", "https:") + "/v1/sales.csv"),
        get("http://other.example/v1/sales.csv"),
        get("http://127.0.0.1:1/v1/sales.csv"),
        get(f"{server.url}/deep"),
        get(f"{server.url}/deeper/x"),
        get(f"{server.url}/deep/../v1/sales.json"),
        get(f"{server.url}/deep/%2e%2e/v1/sales.json"),
        get(f"{server.url}/deep/%252e%252e%2fv1/sales.json"),
        get(f"{server.url}\\@other.example/v1/sales.csv"),
        get(f"http://user:pass@{server.url[7:]}/v1/sales.csv"),
        get("file:///etc/passwd"),
        get(f"{server.url}/v1/sales.csv", "CONNECT"),
        get(f"{server.url}/v1/sales.csv HTTP/1.1\r\nX: y"),
        get("http://127.0.0.1:port/v1/sales.csv"),
        get("http://[::1/v1"),
    ):
        with pytest.raises(CallRefused):
            await broker().call(request, mine)

    assert server.seen == []
    assert len(noted) == len(mine.calls) == 17
    assert all(call["problem"].startswith("refused: ") for call in noted)


@pytest.mark.parametrize(
    "path",
    [
        *("..;/x", "%2e%2e;a=b/x", "..%20/x", "..%00/x", "..%00.csv/x", "..%09/x", ".%5cx"),
        *("%c0%ae%c0%ae/x", "%e0%80%ae%e0%80%ae/x", "%ef%bc%8e%ef%bc%8e/x", "..%ef%bc%8fx"),
        *("%25252525252e%25252525252e/x", "a/%2e%2e%2f/x", "%252e%252e%255cx", ".;/x"),
    ],
)
async def test_a_path_that_some_server_reads_as_a_way_up_is_refused(broker, use, server, path):
    server.seen.clear()

    with pytest.raises(CallRefused, match=r"'\.\.' in it"):
        await broker().call(get(f"{server.url}/deep/{path}"), use(f"GET {server.url}/deep/*"))

    assert server.seen == []


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("/caf%c3%a9/%7Eme", "/caf%C3%A9/~me"),
        ("/a%2db/%2a*", "/a-b/%2A%2A"),
        ("/a;b=1/c..d/...", "/a;b=1/c..d/..."),
        ("/%E9t%e9.csv", "/%E9t%E9.csv"),
    ],
)
def test_a_path_is_the_same_however_its_escapes_are_written(written, sent):
    target = targets_among([f"network:GET https://a.example{written}"])[0]

    assert address_of(f"https://a.example{written}").path == sent
    assert target.covers("GET", address_of(f"https://a.example{sent}"))
    assert targets_among([target.capability]) == [target]


async def test_a_permission_that_is_no_valid_one_any_more_stops_no_other_call(broker, use, server):
    """The rules for paths may get stricter after a permission was stored."""
    mine = use("GET http://a.example/..;/x", f"GET {server.url}/v1/sales.csv")

    assert (await broker().call(get(f"{server.url}/v1/sales.csv"), mine)).status == 200


async def test_a_redirect_is_not_followed_but_asked_for_anew(broker, use, server):
    mine = use(f"GET {server.url}/v1/away", f"GET {server.url}/v1/circle")

    away = await broker().call(get(f"{server.url}/v1/away?to=http://169.254.169.254/"), mine)

    assert (away.status, dict(away.headers)["Location"]) == (302, "http://169.254.169.254/")
    with pytest.raises(CallRefused, match="was not allowed"):
        await broker().call(get("http://169.254.169.254/"), mine)


# addresses


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0"),
        *("100.64.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1"),
        *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1", "::ffff:127.0.0.1"),
        *("::ffff:169.254.169.254", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:db8::1", "no"),
    ],
)
def test_an_address_that_is_not_public_may_not_be_called(address):
    assert not may_be_called(address, ())


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111", "64:ff9b::101:101"])
def test_a_public_address_may_be_called(address):
    assert may_be_called(address, ())


def test_an_address_that_the_operator_lists_may_be_called_and_its_neighbour_may_not():
    listed = networks("10.1.0.0/16 ::1")

    assert may_be_called("10.1.2.3", listed)
    assert may_be_called("::1", listed)
    assert not may_be_called("10.2.2.3", listed)
    assert not may_be_called("127.0.0.1", listed)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1"])
async def test_every_spelling_of_loopback_is_refused_unless_it_is_listed(
    broker, use, server, host, noted
):
    url = f"http://{host}:{server.url.rpartition(':')[2]}/v1/sales.csv"
    server.seen.clear()

    with pytest.raises(CallRefused, match="not a public address"):
        await broker(private=()).call(get(url), use(f"GET {url}"))

    assert server.seen == []
    assert "refused" in noted[0]["problem"]


async def test_link_local_metadata_services_are_refused_after_resolving(broker, use):
    names = Names(["169.254.169.254"])
    url = "http://innocent.example/latest/meta-data/"

    with pytest.raises(CallRefused, match="169.254.169.254"):
        await broker(resolver=names).call(get(url), use(f"GET {url}"))


async def test_a_name_that_changes_its_address_is_connected_to_where_it_was_checked(
    broker, use, server
):
    """DNS rebinding: the first answer may be called, each later one may not."""
    names = Names(["127.0.0.1", "10.0.0.1"])
    url = f"http://rebinding.example:{server.url.rpartition(':')[2]}/v1/sales.csv"
    rebinding = broker(resolver=names, seconds=5)

    answered = await rebinding.call(get(url), use(f"GET {url}"))

    assert (answered.status, names.asked) == (200, 1)
    with pytest.raises(CallRefused, match=r"10\.0\.0\.1"):
        await rebinding.call(get(url), use(f"GET {url}"))


# servers that lie


@pytest.mark.parametrize(
    ("path", "limits", "said"),
    [
        ("endless", {"response_bytes": 300_000}, "longer than 300,000 bytes"),
        ("says_ten_gigabytes", {}, "closed the connection before"),
        ("hangs", {"seconds": 0.3}, "no whole response in 0.3 s"),
    ],
)
async def test_a_server_that_lies_or_hangs_is_a_plain_failure(
    broker, use, server, path, limits, said, noted
):
    url = f"{server.url}/v1/{path}"

    with pytest.raises(CallFailed, match=said):
        await broker(**limits).call(get(url), use(f"GET {url}"))

    assert said in noted[0]["problem"]


async def test_a_server_that_names_ten_gigabytes_and_sends_them_is_cut_off(broker, use):
    async def flood(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n")
        try:
            while True:
                writer.write(b"x" * 65536)
                await writer.drain()
        except ConnectionError:
            cut.set()

    cut = asyncio.Event()
    async with await asyncio.start_server(flood, "127.0.0.1", 0) as listening:
        url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"

        with pytest.raises(CallFailed, match="longer than 1,000,000 bytes"):
            await broker(response_bytes=1_000_000).call(get(url), use(f"GET {url}"))

        async with asyncio.timeout(5):
            await cut.wait()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 wrong\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000 + b"\r\n\r\n",
    ],
)
async def test_a_response_that_is_no_http_is_a_plain_failure(broker, use, answer):
    async def speak(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(speak, "127.0.0.1", 0) as listening:
        url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"

        with pytest.raises(CallFailed):
            await broker().call(get(url), use(f"GET {url}"))


# what a cell may send


async def test_headers_can_neither_be_smuggled_nor_name_another_host(broker, use, server):
    url = f"{server.url}/v1/echo"
    server.seen.clear()
    mine = use(f"POST {url}")
    for header in (("X-A", "b\r\nX-Smuggled: 1"), ("X-A: b\r\nX-Smuggled", "1"), ("X-A", "b\nc")):
        with pytest.raises((CallRefused, CallFailed)):
            await broker().call(get(url, "POST", headers=[header], body=b"x"), mine)
    hop = [("Host", "other.example"), ("Transfer-Encoding", "chunked"), ("Content-Length", "9")]

    await broker().call(get(url, "POST", headers=hop, body=b"whole"), mine)

    ((_, _, headers, body),) = server.seen
    assert headers["Host"] == server.url.removeprefix("http://")
    assert (headers["Content-Length"], body) == ("5", b"whole")


async def test_too_many_calls_and_too_large_bodies_are_refused(broker, use, server):
    url = f"{server.url}/v1/echo"
    mine, small = use(f"POST {url}"), broker(request_bytes=10, calls=3)

    with pytest.raises(CallRefused, match="10 are the most"):
        await small.call(get(url, "POST", body=b"x" * 11), mine)
    await small.call(get(url, "POST", body=b"x"), mine)
    await small.call(get(url, "POST", body=b"x"), mine)
    with pytest.raises(CallRefused, match="may make 3 calls"):
        await small.call(get(url, "POST", body=b"x"), mine)


HARD = 'Bearer sk/very+secret=417&"<x>"'


def as_escapes(text):
    return "".join(f"\\u{ord(sign):04x}" for sign in text)


@pytest.mark.parametrize(
    ("secret", "sent_back"),
    [
        (HARD, json.dumps({"a": HARD}).encode()),
        (HARD, json.dumps(HARD).replace("/", "\\/").encode()),
        (HARD, quote(HARD).encode()),
        (HARD, quote(HARD, safe="").lower().encode()),
        (HARD, quote_plus(HARD.partition(" ")[2]).encode()),
        (HARD, html.escape(HARD).encode()),
        (HARD, as_escapes(HARD).encode()),
        (HARD, repr({"a": HARD}).encode()),
        *(
            (HARD, base64.b64encode(before + HARD.encode() + b"zz"))
            for before in (b"", b"a", b"ab")
        ),
        (HARD, base64.urlsafe_b64encode(HARD.partition(" ")[2].encode())),
        (HARD, HARD.encode().hex().encode()),
        (HARD, HARD.encode("utf-16")),
        (HARD, HARD.upper().encode()),
        ("Basic dXNlcjpwYXNzd29yZC80MTcr", b"hello user, your password is password/417+"),
        ("Basic dXNlcjpwYXNzd29yZC80MTcr", b"dXNlcjpwYXNzd29yZC80MTcr"),
    ],
)
async def test_a_secret_is_taken_out_however_a_server_writes_it(
    broker, use, noted, secret, sent_back
):
    async def speak(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(sent_back)}\r\n\r\n"
        writer.write(head.encode() + sent_back)
        writer.close()

    async with await asyncio.start_server(speak, "127.0.0.1", 0) as listening:
        url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"
        secrets = [Secret("ledger", address_of(url), "Authorization", secret)]

        body = (await broker(secrets).call(get(url), use(f"GET {url}"))).body

    assert len(body) == len(sent_back)
    assert body.count(b"*") >= 10
    for part in (b"417", b"secret", b"SECRET", b"NDE3", b"343137", b"4\0001\0007", b"0034"):
        assert part not in body


async def test_a_secret_in_a_response_that_is_no_http_gets_into_no_message(
    broker, use, noted, caplog
):
    caplog.set_level("DEBUG")
    secret = "Bearer sk-very-secret-417"

    async def speak(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 200 OK\r\nX-Echo: {secret}\0\r\n\r\n".encode())
        writer.close()

    async with await asyncio.start_server(speak, "127.0.0.1", 0) as listening:
        url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"
        secrets = [Secret("ledger", address_of(url), "Authorization", secret)]

        with pytest.raises(CallFailed) as failed:
            await broker(secrets).call(get(url), use(f"GET {url}"))

    assert "secret-417" not in str(failed.value) + caplog.text + json.dumps(noted)


async def test_a_call_with_a_secret_is_answered_whole_so_that_none_is_cut_in_two(
    broker, use, server
):
    """A cell could ask an echoing server for one half of the secret, and then for the other."""
    url = f"{server.url}/v1/echo"
    secrets = [Secret("ledger", address_of(url), "Authorization", "Bearer sk-very-secret-417")]
    server.seen.clear()

    asked = get(url, headers=[("Range", "bytes=0-60"), ("If-Range", "x"), ("X-Mine", "1")])
    await broker(secrets).call(asked, use(f"GET {url}"))

    ((_, _, headers, _),) = server.seen
    assert headers["X-Mine"] == "1"
    assert not {"Range", "If-Range"} & set(headers)


async def test_a_secret_that_a_server_sends_back_compressed_is_not_passed_on(broker, use, blobs):
    secret = "Bearer sk-very-secret-417"

    async def speak(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        content = gzip.compress(secret.encode())
        head = (
            f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        writer.write(head.encode() + content)
        writer.close()

    async with await asyncio.start_server(speak, "127.0.0.1", 0) as listening:
        url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"
        target = targets_among([f"network:GET {url}"])[0]
        secrets = [Secret("ledger", target.address, "Authorization", secret)]

        with pytest.raises(CallFailed, match="compressed"):
            await broker(secrets).call(get(url), use(f"GET {url}"))

    assert blobs.names() == []


# the socket


@pytest.fixture
def network(broker, blobs):
    """Make a cell's network."""

    async def none():
        return []

    async def note(facts):
        """Keep nothing."""

    return lambda: CellNetwork(broker(), blobs, none, note)


@pytest.mark.parametrize("audited", [True])
async def test_the_socket_is_there_only_while_a_granted_cell_runs(start_kernel, network, server):
    kernel = await start_kernel()
    directory = kernel.session.network_directory
    code = f'import urllib.request as u\nprint(u.urlopen("{server.url}/v1/sales.json").status)'
    granted = ("network", f"network:GET {server.url}/v1/sales.json")

    before = await kernel.run(code, granted=PERMITTED)
    async with network().opened(directory, "c1", granted):
        during = await kernel.run(code, granted=PERMITTED)
        printed = kernel.text()
        without = await kernel.run(code)
    after = await kernel.run(code, granted=PERMITTED)

    assert (during.status, printed) == ("ok", "200\n")
    assert {before.status, without.status, after.status} == {"error"}
    assert "no permission for the network" in before.evalue
    assert list(directory.iterdir()) == []


async def test_a_thread_of_an_ended_cell_has_no_way_out(start_kernel, network, server):
    kernel = await start_kernel()
    granted = ("network", f"network:GET {server.url}/v1/sales.json")
    opened = f"""
import http.client, socket
left = socket.socket(socket.AF_UNIX)
left.connect("{BROKER}")
"""
    use = f"""
left.sendall(b"GET {server.url}/v1/sales.json HTTP/1.1\\r\\n\\r\\n")
print(len(left.recv(100)))
"""
    async with network().opened(kernel.session.network_directory, "c1", granted):
        assert (await kernel.run(opened, granted=PERMITTED)).status == "ok"
    async with network().opened(kernel.session.network_directory, "c2", granted):
        await kernel.run(use, granted=PERMITTED)

    assert kernel.text() == "0\n" or "Broken pipe" in kernel.text()


@pytest.mark.parametrize("backend", ["zygote", "bubblewrap"], indirect=True)
async def test_a_cell_can_neither_replace_the_socket_nor_reach_another_sessions(
    start_kernel, network, backend
):
    mine, other = await start_kernel(), await start_kernel()
    theirs = other.session.network_directory
    attack = f"""
import os, socket
for what in (
    lambda: os.rename("/run/kernel/net", "/run/kernel/old"),
    lambda: os.rmdir("/run/kernel/net"),
    lambda: os.symlink("/tmp", "/run/kernel/net/broker"),
    lambda: os.unlink("/run/kernel/net/broker"),
    lambda: open("/run/kernel/net/x", "w"),
    lambda: socket.socket(socket.AF_UNIX).connect("{theirs}/broker"),
    lambda: socket.socket(socket.AF_UNIX).connect("/run/kernel/../../{theirs}/broker"),
):
    try:
        what()
    except OSError as error:
        print(type(error).__name__)
    else:
        print("done")
"""
    async with network().opened(theirs, "c9", ()):
        await mine.run(attack, granted=("network", "file:/run/kernel/net/x"))

    assert "done" not in mine.text()
    assert len(mine.text().split()) == 7


@pytest.mark.parametrize(
    "sent",
    [
        b"GET {url} HTTP/1.1\r\nHost: x\r\nX-A: b\r\n\tfolded\r\nX: \x00\r\n\r\n",
        b"GET {url} HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET /v1/sales.json HTTP/1.1\r\nHost: {host}\r\n\r\n",
        b"CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n\r\n",
        b"GET {url} HTTP/1.1\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"\r\n\r\n",
    ],
)
async def test_raw_bytes_on_the_socket_reach_no_server(network, tmp_path, server, sent):
    url = f"{server.url}/v1/sales.json"
    server.seen.clear()
    filled = sent.replace(b"{url}", url.encode()).replace(b"{host}", server.url[7:].encode())
    async with network().opened(tmp_path, "c1", (f"network:GET {url}",)):
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "broker"))
        writer.write(filled)
        writer.write_eof()
        async with asyncio.timeout(5):
            answer = await reader.read()
        writer.close()

    assert b" 200 " not in answer
    assert server.seen == []


async def test_a_flood_of_connections_takes_no_more_of_the_service_than_its_limit(
    network, tmp_path
):
    async with network().opened(tmp_path, "c1", ()):
        made = [await asyncio.open_unix_connection(str(tmp_path / "broker")) for _ in range(140)]
        closed = [reader for reader, _ in made[110:]]
        async with asyncio.timeout(5):
            assert all([await reader.read() == b"" for reader in closed])
        for _, writer in made:
            writer.close()


async def test_what_came_back_is_kept_by_its_content(broker, use, server, blobs, tmp_path):
    url = f"{server.url}/v1/sales.json"
    mine = use(f"GET {url}")

    await broker().call(get(url), mine)

    with (tmp_path / "copy").open("wb") as copy:
        blobs.copy(mine.calls[0]["sha256"], copy)
    assert json.loads((tmp_path / "copy").read_text())[0]["sales"] == 120


# what a cell's end and its flood leave


async def raw_answer(socket_file, sent):
    """Return what the broker's socket answers to the bytes *sent*."""
    reader, writer = await asyncio.open_unix_connection(str(socket_file))
    writer.write(sent)
    async with asyncio.timeout(20):
        answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


@pytest.fixture
def noting(broker, blobs, noted):
    """Make a cell's network that notes its calls."""

    async def none():
        return []

    async def note(facts):
        await asyncio.sleep(0)  # as a database does
        noted.append(facts)

    return lambda **limits: CellNetwork(broker(**limits), blobs, none, note)


async def test_a_call_that_is_on_its_way_when_its_cell_ends_is_recorded(
    noting, tmp_path, server, noted
):
    """Else a cell could send data away without a trace: send it, then end at once."""
    url = f"{server.url}/v1/hangs"
    server.seen.clear()
    sent = f"POST {url} HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\ndata".encode()
    async with noting().opened(tmp_path, "c1", [f"network:POST {url}"]) as calls:
        _, writer = await asyncio.open_unix_connection(str(tmp_path / "broker"))
        writer.write(sent)
        await eventually("the request arrives", lambda: server.seen)
    writer.close()
    await writer.wait_closed()

    assert server.seen[0][3] == b"data"
    assert [(call["url"], call["request_bytes"]) for call in calls] == [(url, 4)]
    assert "ended" in calls[0]["problem"]
    assert [call["problem"] for call in noted] == [calls[0]["problem"]]


async def test_calls_at_the_same_time_are_counted_before_they_are_made(
    noting, tmp_path, server, noted
):
    url = f"{server.url}/v1/count"
    sent = f"GET {url} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    server.seen.clear()
    async with noting(calls=3).opened(tmp_path, "c1", [f"network:GET {url}"]):
        answers = await asyncio.gather(*(raw_answer(tmp_path / "broker", sent) for _ in range(30)))

    assert len(server.seen) == 3
    assert sum(b"may make 3 calls" in answer for answer in answers) == 27
    assert len(noted) == 4  # and not the others: they can't fill the record


async def test_more_connections_than_are_served_at_once_wait_for_their_turn(
    noting, tmp_path, server
):
    """What a cell sends over many connections at once is not held in memory all at once."""
    url = f"{server.url}/v1/echo"
    body = b"x" * 100_000
    head = f"POST {url} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    async with noting().opened(tmp_path, "c1", [f"network:POST {url}"]):
        held = [
            await asyncio.open_unix_connection(str(tmp_path / "broker"))
            for _ in range(SERVED_AT_ONCE)
        ]
        behind = asyncio.create_task(raw_answer(tmp_path / "broker", head + body))
        await asyncio.sleep(0)
        for _, writer in held:
            writer.close()
            await writer.wait_closed()
        answer = await behind

    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert b"Connection: close" in answer


class WaitingApprover:
    """Denies once it is released; keeps what was asked and withdrawn."""

    def __init__(self):
        self.asked, self.withdrawn = [], []
        self.released = asyncio.Event()

    async def granted(self, capabilities):
        return None

    async def ask(self, request):
        self.asked.append(request)
        await self.released.wait()
        return Decision(decision="deny", who="ann", at="")

    async def withdraw(self, request):
        self.withdrawn.append(request)


@pytest.fixture
def asking(broker, blobs, noted):
    """Make a cell's network that asks an approver."""

    async def none():
        return []

    async def note(facts):
        noted.append(facts)

    return lambda approver: CellNetwork(broker(), blobs, none, note, approver)


async def test_a_client_does_not_give_up_while_the_user_is_asked(asking, tmp_path, server):
    """It gets interim responses meanwhile, which every HTTP library passes over."""
    approver = WaitingApprover()
    sent = f"GET {server.url}/v1/never HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    async with asking(approver).opened(tmp_path, "c1", ()):
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "broker"))
        writer.write(sent)
        interim = await reader.readuntil(b"\r\n\r\n")
        approver.released.set()
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()

    assert interim == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert b"HTTP/1.1 403 Refused" in answer
    assert b"the user said no" in answer
    assert [request.targets for request in approver.asked] == [(f"{server.url}/v1/never",)]


async def test_what_is_asked_at_once_is_one_question_at_a_time_and_the_same_is_asked_once(
    asking, tmp_path, server, noted
):
    approver = WaitingApprover()
    requests = [
        f"{method} {server.url}/v1/never HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        for method in ("GET", "GET", "GET", "DELETE")
    ]
    async with asking(approver).opened(tmp_path, "c1", ()):
        answers = [asyncio.create_task(raw_answer(tmp_path / "broker", sent)) for sent in requests]
        await eventually("the first is asked", lambda: approver.asked)
        at_first = len(approver.asked)
        approver.released.set()
        await asyncio.gather(*answers)

    assert at_first == 1
    assert sorted(request.preview for request in approver.asked) == [
        f"DELETE {server.url}/v1/never",
        f"GET {server.url}/v1/never",
    ]
    assert len(noted) == 4


async def test_a_question_ends_with_its_cell_and_its_call_is_recorded(
    asking, tmp_path, server, noted
):
    approver = WaitingApprover()
    server.seen.clear()
    async with asking(approver).opened(tmp_path, "c1", ()):
        _, writer = await asyncio.open_unix_connection(str(tmp_path / "broker"))
        writer.write(f"GET {server.url}/v1/never HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        await eventually("it is asked", lambda: approver.asked)
    writer.close()
    await writer.wait_closed()

    assert approver.withdrawn == approver.asked
    assert len(noted) == 1
    assert server.seen == []
