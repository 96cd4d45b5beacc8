"""SIGTERM ends the service cleanly, and its log never holds its token."""

import asyncio
import json
import subprocess
import sys

from tornado.httpclient import AsyncHTTPClient

from tests.faults.service import Service


async def test_sigterm_ends_the_service_cleanly(service):
    await service.start()
    await (await service.converse()).execute("x = 1")

    assert service.stop() == 0


async def test_sigterm_lets_a_running_cell_end_and_stores_it(service):
    await service.start()
    conversation = await service.converse()
    await conversation.connection.send(
        "execute.request", code="print('on', flush=True)\nimport time; time.sleep(2); print('end')"
    )
    await conversation.until("cell.output")

    assert service.stop() == 0

    await service.start()
    conversation = await service.converse(conversation.id)
    finished = await conversation.until("turn.finished")
    assert finished["data"]["status"] == "ok"
    assert finished["data"]["outputs"][-1]["text"].endswith("end\n")


async def test_the_log_of_the_service_never_holds_its_token(tmp_path, standin):
    log = tmp_path / "log"
    made = Service(tmp_path / "data", standin([]), keep_seconds=0)
    await made.start()
    token = (made.data_dir / "token").read_text()
    made.stop()
    with log.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "kernel_gateway", "serve", "--port", "0", "--data-dir",
             str(made.data_dir)],
            stdout=subprocess.PIPE, stderr=file, text=True,
        )  # fmt: skip
        url = ""
        while not url.startswith("Open:"):
            url = await asyncio.to_thread(process.stdout.readline)
        await AsyncHTTPClient().fetch(url.split()[1], follow_redirects=False, raise_error=False)
        process.terminate()
        process.wait(30)
        process.stdout.close()

    assert "GET /" in log.read_text()
    assert token not in log.read_text()
    assert json.dumps(token) not in log.read_text()
