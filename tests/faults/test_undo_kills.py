"""The service is killed at random moments of cells and undos; record, files and variables agree."""

import asyncio
import contextlib
import hashlib
import json
import random
from collections import Counter

import pytest

from notebooks.history.snapshots import SnapshotLimits, Snapshots
from notebooks.ledger.verify import verify_notebook
from tests.faults.test_kills import SEED, MortalService

FILE = "outputs/a.txt"


@pytest.fixture
def service(tmp_path):
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    # A snapshot after each request: kills come while one is written or read, too.
    made = MortalService(data_dir, TALLYBOOK_SNAPSHOT_AFTER_SECONDS="0")
    yield made
    made.close()


class Client:
    """Runs cells, each of which sets a variable and a file to its number, and undoes some."""

    def __init__(self):
        self.conversation, self.number, self.moments = "", 0, random.Random(SEED)

    async def work(self, client):
        if not self.conversation:
            self.conversation = (await client.post("/api/v1/conversations", {}))["id"]
        while True:
            await self.run(client)
            await self.run(client)
            await self.undo(client)

    async def run(self, client):
        self.number += 1
        code = f"x = {self.number}\nopen({FILE!r}, 'w').write(str(x))"
        request = {"code": code, "conversation": self.conversation}
        return await client.post("/api/v1/execute", request)

    async def undo(self, client, **body):
        url = f"/api/v1/conversations/{self.conversation}/paths/main/history/undo"
        return await client.post(url, {"confirm": True, **body})


@pytest.mark.parametrize(
    "kills", [8, pytest.param(300, marks=[pytest.mark.soak, pytest.mark.timeout(3600)])]
)
async def test_after_any_kill_the_record_is_whole_and_files_and_variables_agree(service, kills):
    works = Client()
    for _ in range(kills):
        await service.spawn()
        client = await service.listening()
        working = asyncio.create_task(works.work(client))
        await asyncio.sleep(works.moments.uniform(0.05, 0.6))
        await service.kill()
        with contextlib.suppress(Exception):
            await asyncio.wait_for(working, 10)
        client.close()

    await service.spawn()
    client = await service.listening()
    first = await works.run(client)
    await works.run(client)
    undone = await works.undo(client, to=first["turn"])
    request = {"code": "print(x)", "conversation": works.conversation}
    [printed] = (await client.post("/api/v1/execute", request))["outputs"]
    url = f"/api/v1/conversations/{works.conversation}/paths/main"
    turns = (await client.get(f"{url}/turns"))["turns"]
    connection = await client.connect(url)
    last, events = (await client.get(url))["last_seq"], []
    async for event in connection.events():
        events.append(event)
        if event["seq"] == last:
            break
    client.close()

    home = service.data_dir / "conversations" / works.conversation / "main"
    content = (home / "workspace" / FILE).read_bytes()
    assert int(printed["text"]) == int(content) == works.number - 1
    check_record(home, turns, events, hashlib.sha256(content).hexdigest())
    assert undone["undo"]["restored"] == [FILE]
    assert "x" in {*undone["variables"]["restored"], *undone["variables"]["recomputed"]}
    snapshots = Snapshots(home, f"local/{works.conversation}/main", SnapshotLimits())
    for snapshot in snapshots.known():
        with snapshots.opened(snapshot):  # all of it is there
            pass


def check_record(home, turns, events, sha256):
    """Each undo that ended well is in the notebook and the events, once; no other is."""
    cells = json.loads((home / "notebook.ipynb").read_text())["cells"]
    facts = [cell["metadata"]["tallybook"] for cell in cells]
    notes = Counter(fact["turn"] for fact in facts if fact.get("kind") == "undo")
    told = Counter(e["turn"] for e in events if e["kind"] == "history.restored")
    well = {t["id"] for t in turns if (t["kind"], t["status"]) == ("undo", "ok")}
    assert set(notes) == set(told) == well
    assert {*notes.values(), *told.values()} == {1}
    assert all(turn["finished_at"] for turn in turns)
    assert verify_notebook(home / "notebook.ipynb").verified
    assert facts[-1]["files_after"] == {FILE: sha256}
