"""The page at every width, in every look: whole, in bounds, and usable by everybody."""

import asyncio
import os
from pathlib import Path

import pytest

from tests.conftest import PIVOT, STACK, code_reply, exchange

WIDTHS = (320, 400, 560, 760, 800, 1179, 1400, 1600)
PICTURES = os.environ.get("TALLYBOOK_PICTURES")
"""Directory for pictures of every view, to be looked at; `make docs` does not need it."""
LONG = "a_very_long_name_without_any_blank_" * 4


def keep(pane, name):
    if PICTURES:
        pane.driver.save_screenshot(str(Path(PICTURES) / f"{name}.png"))


def choose_look(pane, look):
    pane.driver.execute_script("localStorage.setItem('tallybook.look', arguments[0])", look)
    pane.driver.refresh()


@pytest.fixture
async def full(start_gateway, pane, examples, tmp_path):
    """A conversation with everything that a page can show, open in the browser."""
    wide = code_reply(
        "import pandas as pd, sys",
        f"print('{LONG}')",
        "print('warning', file=sys.stderr)",
        f"pd.DataFrame([['{LONG}'] * 30] * 50, columns=[f'{LONG}{{n}}' for n in range(30)])",
    )
    fails = code_reply(f"raise ValueError('{LONG}')")
    asks = code_reply("import urllib.request")
    running = await start_gateway(
        [
            *exchange("wide", wide, {"text": f"## Done\n\n{LONG} `{LONG}`\n\n|a|\n|-|\n|{LONG}|"}),
            *exchange("fails", fails, {"text": f"- {LONG}"}),
            *exchange("asks", asks, {"text": "Asked."}),
        ]
    )
    file = tmp_path / f"{LONG[:120]}.csv"
    file.write_text("a,b\n1,2\n")

    def fill():
        pane.open(running.gateway)
        pane.upload(examples[0], file)
        pane.ask(f"wide {LONG}")
        pane.find(".answer", "Done")
        pane.ask("fails")
        pane.find(".answer li")
        pane.ask("asks")
        pane.find(".permission")

    await asyncio.to_thread(fill)
    return pane


@pytest.mark.parametrize("look", ["light", "dark", "contrast"])
async def test_nothing_is_cut_or_out_of_bounds_and_axe_finds_nothing_serious(full, look):
    pane = full

    def drive():
        choose_look(pane, look)
        pane.size(1400)
        pane.find(".permission")
        pane.click(".cell-bar button")
        outside, findings = {}, {}
        for width in WIDTHS:
            pane.size(width)
            for tab in ("chat", "files", "terminal"):
                if not pane.all(f"#tab-{tab}"):
                    continue
                pane.click(f"#tab-{tab}")
                pane.find(f"#tab-{tab}[aria-selected=true]")
                keep(pane, f"{look}-{width}-{tab}")
                outside[width, tab] = pane.outside()
                if width in (320, 1400):
                    findings[width, tab] = pane.findings()
        return outside, findings

    outside, findings = await asyncio.to_thread(drive)

    assert {k: v for k, v in outside.items() if v} == {}
    assert {k: v for k, v in findings.items() if v} == {}


async def test_everything_is_reached_by_keys_alone(full):
    pane = full

    def drive():
        pane.size(1400)
        names = set()
        focused = "return document.activeElement.getAttribute('aria-label') || document.activeElement.innerText || document.activeElement.id"
        pane.driver.execute_script("document.activeElement.blur()")
        for _ in range(60):
            pane.driver.switch_to.active_element.send_keys("\ue004")
            names.add(str(pane.driver.execute_script(focused)).strip())
        return names

    names = await asyncio.to_thread(drive)

    assert {
        "New conversation", "Search conversations", "Chat", "Allow once", "Deny", "Request",
        "Add files", "Download the notebook", "Colours", "Preview sales_q1.xlsx",
    } <= names  # fmt: skip


async def test_ten_thousand_lines_stream_without_a_long_stop(pane, start_gateway):
    lines = code_reply("for n in range(10_000): print('line', n, flush=True)")
    running = await start_gateway(exchange("lines", lines, {"text": "Printed."}))

    def drive():
        pane.open(running.gateway)
        pane.driver.execute_script(
            "window.stops = []; new PerformanceObserver((list) => list.getEntries()"
            ".forEach((entry) => stops.push(entry.duration))).observe({entryTypes: ['longtask']})"
        )
        pane.ask("lines")
        pane.find(".answer", "Printed.")
        shown = pane.find("#log .printed").text
        return shown, pane.driver.execute_script("return stops")

    shown, stops = await asyncio.to_thread(drive)

    assert shown.endswith("line 9999")
    print(f"long tasks (ms): {sorted(map(round, stops))[-5:]}")
