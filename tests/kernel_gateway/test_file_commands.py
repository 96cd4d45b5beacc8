"""``tallybook files``: what a person types to get any version of an upload back."""

import asyncio

import pytest

from tests.kernel_gateway.test_cli import tallybook


@pytest.fixture
async def files(running, tmp_path):
    """Run ``tallybook files …`` against a service with one conversation."""
    made = await running.client.post("/api/v1/conversations", {})

    async def run(*arguments, conversation=made["id"], token=running.token):
        options = ["--url", running.url, "--token", token]
        if conversation is not None:
            options += ["-c", conversation]
        return await asyncio.to_thread(
            tallybook, "files", *arguments, *options, cwd=tmp_path, HOME=str(tmp_path)
        )

    async def put(content):
        (tmp_path / "prices.csv").write_text(content)
        return await run("put", "prices.csv")

    run.put = put
    return run


def column(done):
    """First column of a printed table, without its heading."""
    assert done.returncode == 0, done.stderr
    return [line.split()[0] for line in done.stdout.splitlines()[1:]]


async def test_uploads_are_listed_downloaded_and_put_back_by_version(files, tmp_path):
    assert (await files.put("one")).stdout == "inputs/prices.csv\n"
    await files.put("two")

    assert column(await files("list")) == ["inputs/prices.csv"]
    first, second = column(await files("versions", "inputs/prices.csv"))
    got = await files("get", "inputs/prices.csv", "--version", first, "-o", "first.csv")
    assert got.stdout == "first.csv\n"
    assert (tmp_path / "first.csv").read_text() == "one"

    back = await files("put-back", "inputs/prices.csv", "--version", first[:6])
    assert back.stdout == f"inputs/prices.csv is {first} now\n"
    shown = (await files("versions", "inputs/prices.csv", conversation=None)).stdout.splitlines()
    assert [line.split()[0] for line in shown[1:]] == [first, second, first]
    assert [line.endswith("current") for line in shown[1:]] == [False, False, True]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["versions", "inputs/none.csv"], "inputs/none.csv"),
        (["put-back", "inputs/prices.csv", "--version", "ffff"], "no version begins"),
        (["get", "inputs/prices.csv", "--version", "zz", "-o", "x"], "no version begins"),
        (["get", "inputs/prices.csv"], "is there already"),
        (["put", "nowhere.csv"], "does not exist"),
    ],
)
async def test_what_is_not_there_is_one_plain_line(files, arguments, said):
    await files.put("one")

    done = await files(*arguments)

    assert done.returncode != 0
    assert said in done.stderr
    assert "Traceback" not in done.stderr


async def test_a_wrong_token_is_one_plain_line(files):
    done = await files("list", token="wrong")

    assert done.returncode == 1
    assert "access token" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_service_or_token_it_says_which_to_name(tmp_path):
    nothing = tallybook("files", "list", HOME=str(tmp_path), TALLYBOOK_DATA_DIR=str(tmp_path))
    nobody = tallybook("files", "list", "--url", "http://127.0.0.1:9", "--token", "x")

    assert "--token" in nothing.stderr
    assert "http://127.0.0.1:9" in nobody.stderr
    assert "Traceback" not in nothing.stderr + nobody.stderr


@pytest.mark.parametrize("command", ["", "list", "put", "versions", "get", "put-back"])
def test_every_command_explains_itself(command):
    done = tallybook("files", *command.split(), "--help")

    assert done.returncode == 0
    assert "version" in done.stdout or command == "list"
