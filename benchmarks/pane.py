"""The page in a real browser: how soon it can be used, and whether it stays smooth."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium.webdriver import Chrome
from selenium.webdriver.common.keys import Keys

from benchmarks.running import Found, scripted
from kernel_gateway.terminal.client import GatewayClient, path_url
from tests.browser import chromium
from tests.browser.pane import Pane

OPENED = 5
LINES, ROWS, TURNS = 10_000, 100_000, 500
IDLE_SECONDS = 10.0
SCROLLED_FRAMES = 300
PRINTS = f"for n in range({LINES}): print('line', n, n * n)"
FRAME = (
    "import numpy as np, pandas as pd\n"
    "pd.options.display.max_rows = None\n"
    f"pd.DataFrame({{'n': np.arange({ROWS}), 'square': np.arange({ROWS}) ** 2}})"
)
ANSWER = (
    "## Sales\n\n| region | sales |\n|---|---|\n| north | 1 |\n\n"
    "The **sum** is `1`.\n\n- one\n- two"
)
EXCHANGES: list[dict[str, Any]] = [
    *(
        {"when": {"request": words, "after": 0}, "reply": {"text": "", "run_code": {"code": code}}}
        for words, code in (("lines", PRINTS), ("frame", FRAME), ("code", "1+1"))
    ),
    {"when": {"after": 1}, "reply": {"text": "Done."}},
    {"when": {}, "reply": {"text": ANSWER}},
]
WATCH = """
window.seen = {};
const watch = (name, selector) => {
  const look = () => {
    if (seen[name] === undefined && document.querySelector(selector)) {
      seen[name] = performance.now();
      // What is drawn is drawn after the next frame.
      requestAnimationFrame(() => setTimeout(() => { seen[name + 'Drawn'] = performance.now(); }));
    }
  };
  new MutationObserver(look).observe(document, {childList: true, subtree: true, attributes: true});
};
watch('usable', '#request:not([disabled])');
watch('answer', "#log .turn[aria-label='the end'] .answer");
"""
"""Runs before the page's own scripts: notes when a person could begin."""
TASKS = """
window.tasks = [];
window.frames_ = [];
new PerformanceObserver((list) => {
  for (const each of list.getEntries()) tasks.push(each.duration);
}).observe({type: 'longtask'});
let last = performance.now();
const frame = (now) => { frames_.push(now - last); last = now; requestAnimationFrame(frame); };
requestAnimationFrame(frame);
"""
SCROLL = """
const [frames, done] = arguments;
const scroller = document.querySelector('#log .grid-scroller');
scroller.scrollIntoView();
const step = scroller.scrollHeight / frames;
const times = [];
let last = null, count = 0;
const move = (now) => {
  if (last !== null) times.push(now - last);
  last = now;
  if (count++ >= frames) return done(times);
  scroller.scrollTop += step;
  requestAnimationFrame(move);
};
requestAnimationFrame(move);
"""


async def measure_pane(directory: Path) -> Found:
    """Open, stream, scroll, wait, and open a long conversation."""
    async with scripted(directory, EXCHANGES, requests_per_minute=0, output_limit_mb=100) as (
        client,
        _,
    ):
        long = await _long_conversation(client)
        token = (directory / "data" / "token").read_text().strip()
        return await asyncio.to_thread(_browse, client.url, token, long)


async def _long_conversation(client: GatewayClient) -> str:
    conversation: str = (await client.post("/api/v1/conversations", {"title": "Long"}))["id"]
    connection = await client.connect(path_url(conversation))
    events = connection.events()
    for number in range(TURNS):
        words = "code" if number % 5 == 0 else "words"
        await connection.send("turn.request", request="the end" if number == TURNS - 1 else words)
        async for event in events:
            if event["kind"] == "turn.finished":
                break
    return conversation


def _browse(url: str, token: str, long: str) -> Found:
    with chromium.browser() as driver:
        driver.set_script_timeout(120)
        driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
        pane = Pane(driver)
        pane.driver.get(f"{url}/?token={token}")
        pane.find("#request")
        return [
            *_opening(pane, f"{url}/#new"),
            *_long_opening(pane, f"{url}/#{long}"),
            *_streaming(pane, f"{url}/#new"),
            *_scrolling(pane),
            *_idling(pane, f"{url}/#{long}"),
        ]


def _cold(pane: Pane, address: str, seen: str) -> tuple[float, float]:
    """Open *address* with nothing cached; return ms until *seen*, and of work by then."""
    pane.driver.get("about:blank")
    pane.driver.execute_cdp_cmd("Network.clearBrowserCache", {})
    before = _work(pane.driver)
    pane.driver.get(address)
    script = f"return window.seen?.{seen}Drawn"
    pane.wait(seen, lambda: pane.driver.execute_script(script) is not None)
    return float(pane.driver.execute_script(script)), 1000 * (_work(pane.driver) - before)


def _opening(pane: Pane, address: str) -> Found:
    opened = [_cold(pane, address, "usable") for _ in range(OPENED)]
    wall, work = (statistics.median(each) / 1000 for each in zip(*opened, strict=True))
    peer = f"work of the page's thread {work:.2f} s"
    return [("Cold page, until a request can be written, p50", wall, 1.0, "s", peer)]


def _long_opening(pane: Pane, address: str) -> Found:
    opened = [_cold(pane, address, "answer") for _ in range(OPENED)]
    wall, work = (statistics.median(each) / 1000 for each in zip(*opened, strict=True))
    peer = f"work of the page's thread {work:.2f} s"
    return [
        (
            f"Cold page with a conversation of {TURNS} turns, its last answer, p50",
            wall,
            1.0,
            "s",
            peer,
        )
    ]


def _streaming(pane: Pane, address: str) -> Found:
    pane.driver.get("about:blank")
    pane.driver.get(address)
    pane.find("#request")
    pane.driver.execute_script(TASKS)
    with _working(pane.driver) as work:
        started = time.perf_counter()
        pane.ask("lines")
        pane.find(".answer", "Done.")
        seconds = time.perf_counter() - started
    tasks, frames = pane.driver.execute_script("return [tasks, frames_]")
    peer = f"longest frame {max(frames):.0f} ms; {work[0]:.2f} s of work in {seconds:.1f} s"
    longest = max(tasks, default=0.0)
    return [
        (f"{LINES:,} lines streamed, longest task of the page's thread", longest, 100, "ms", peer)
    ]


def _scrolling(pane: Pane) -> Found:
    pane.write("#request", "frame" + Keys.ENTER)
    pane.wait("both answers", lambda: len(pane.all(".answer")) == 2)
    pane.find("#log .grid-scroller")
    with _working(pane.driver) as work:
        times = pane.driver.execute_async_script(SCROLL, SCROLLED_FRAMES)
    late = sum(each > 34 for each in times) / len(times)
    peer = (
        f"p50 {statistics.median(times):.1f} ms, longest {max(times):.0f} ms, "
        f"{100 * late:.0f} % over two frames"
    )
    each = 1000 * work[0] / len(times)
    return [
        (f"{ROWS:,} rows scrolled, work of the page's thread for a frame", each, 16.7, "ms", peer)
    ]


def _idling(pane: Pane, address: str) -> Found:
    pane.driver.get("about:blank")
    pane.driver.get(address)
    pane.wait("all turns", lambda: len(pane.all("#log .turn")) == TURNS)
    _at_rest(pane)
    with _working(pane.driver) as work:
        time.sleep(IDLE_SECONDS)
    return [("Idle page, share of a core", 100 * work[0] / IDLE_SECONDS, 1.0, "%", "")]


def _at_rest(pane: Pane) -> None:
    """Wait until the page has drawn what it still had to draw."""
    seen = [0.0]

    def rests() -> bool:
        before, seen[0] = seen[0], _work(pane.driver)
        return seen[0] - before < 0.02

    pane.wait("rest", rests)


def _work(driver: Chrome) -> float:
    """Return how many seconds the page's thread has worked."""
    driver.execute_cdp_cmd("Performance.enable", {})
    metrics = driver.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
    return float(next(each["value"] for each in metrics if each["name"] == "TaskDuration"))


@contextmanager
def _working(driver: Chrome) -> Iterator[list[float]]:
    """Yield a list that gets the seconds that the page's thread worked in the block."""
    before, found = _work(driver), [0.0]
    yield found
    found[0] = _work(driver) - before
