"""Uploads on the page: they go on after a lost connection, a reload and a restart."""

import asyncio
import socket

from kernel_gateway.settings import Settings
from kernel_gateway.wiring import open_gateway

CONTENT = b"region,sales\n" + b"north,12345\n" * 250_000
BYTES_A_SECOND = 1_500_000


def throttled(pane, *, offline=False):
    """Slow the browser's uploads down, so that one can be cut off in the middle."""
    pane.driver.execute_cdp_cmd("Network.enable", {})
    pane.driver.execute_cdp_cmd(
        "Network.emulateNetworkConditions",
        {
            "offline": offline,
            "latency": 0,
            "downloadThroughput": -1,
            "uploadThroughput": BYTES_A_SECOND,
        },
    )


def unthrottled(pane):
    every = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    pane.driver.execute_cdp_cmd("Network.emulateNetworkConditions", every)


def begun(pane, file):
    """Upload *file*, and wait until the service has some of it."""
    pane.upload(file)
    pane.find(".upload-sending", file.name)
    progress = "return document.querySelector('.upload [role=progressbar]')?.ariaValueNow ?? document.querySelector('.upload [role=progressbar]')?.getAttribute('aria-valuenow')"
    pane.wait("a part is sent", lambda: float(pane.driver.execute_script(progress) or 0) > 0.1)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


async def stored(gateway):
    services = gateway.services
    (conversation,) = await services.repository.conversations.of("local", None, 10)
    place = services.settings.data_dir / "conversations" / conversation.id / "main"
    return (place / "workspace" / "inputs" / "large.csv").read_bytes()


async def test_an_upload_goes_on_when_the_connection_is_back(pane, start_gateway, tmp_path):
    gateway = (await start_gateway([])).gateway
    (tmp_path / "large.csv").write_bytes(CONTENT)

    def drive():
        pane.open(gateway)
        throttled(pane)
        begun(pane, tmp_path / "large.csv")
        throttled(pane, offline=True)
        words = pane.find(".upload-paused", "does not answer").text
        unthrottled(pane)
        pane.find(".file[data-name='inputs/large.csv']")
        pane.gone(".upload")
        return words

    try:
        words = await asyncio.to_thread(drive)
    finally:
        unthrottled(pane)
    pane.complaints()  # of the requests that failed

    assert "goes on" in words
    assert await stored(gateway) == CONTENT


async def test_an_upload_goes_on_after_a_reload_and_a_restart_with_the_file_chosen_again(
    pane, tmp_path
):
    settings = Settings(port=free_port(), data_dir=tmp_path / "data", gemini_api_key=None)
    (tmp_path / "large.csv").write_bytes(CONTENT)

    def cut_off(gateway):
        pane.open(gateway)
        throttled(pane)
        begun(pane, tmp_path / "large.csv")
        address = pane.driver.current_url
        pane.driver.get("about:blank")
        unthrottled(pane)
        return address

    def again(address):
        pane.driver.get(address)
        words = pane.find(".upload-unfinished", "Choose the same file again").text
        pane.upload(tmp_path / "large.csv")
        pane.find(".file[data-name='inputs/large.csv']")
        pane.gone(".upload")
        return words

    def dropped(address):
        """One that is dismissed does not come back."""
        throttled(pane)
        (tmp_path / "other.csv").write_bytes(CONTENT)
        begun(pane, tmp_path / "other.csv")
        pane.driver.get("about:blank")
        unthrottled(pane)
        pane.driver.get(address)
        pane.click(".upload-unfinished [aria-label='Cancel the upload of other.csv']")
        pane.gone(".upload")

    try:
        async with open_gateway(settings) as gateway:
            address = await asyncio.to_thread(cut_off, gateway)
        async with open_gateway(settings) as gateway:
            words = await asyncio.to_thread(again, address)
            content = await stored(gateway)
            await asyncio.to_thread(dropped, address)
            left = list((tmp_path / "data").glob("conversations/*/*/uploads/*.part"))
    finally:
        unthrottled(pane)

    assert "% of 3.0 MB sent" in words
    assert not words.startswith("large.csv 0 %")
    assert content == CONTENT
    assert len(left) <= 1  # the one that became a file
