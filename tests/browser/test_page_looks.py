"""The page at every width, in every look: whole, in bounds, and usable by everybody."""

import asyncio
import os
from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

from tests.conftest import code_reply, exchange

WIDTHS = (320, 400, 560, 760, 800, 1179, 1400, 1600)
PICTURES = os.environ.get("TALLYBOOK_PICTURES")
"""Directory for pictures of every view, to be looked at."""
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
        "import warnings, pandas as pd",
        f"print('{LONG}')",
        "warnings.warn('printed as an error')",
        f"pd.DataFrame([['{LONG}'] * 30] * 50, columns=[f'{LONG}{{n}}' for n in range(30)])",
    )
    fails = code_reply(f"raise ValueError('{LONG}')")
    asks = code_reply(
        "import requests",
        "requests.post('https://rates.example.com/v1/daily', json=rows)",
        f"open('/data/{LONG}.csv')",
    )
    writes = code_reply(
        "import pandas as pd",
        "rows = [1, 2]",
        "print('card 4111111111111111')",
        f"pd.DataFrame({{'{LONG}': rows}}).to_excel('outputs/{LONG}.xlsx', index=False)",
    )
    running = await start_gateway(
        [
            *exchange("wide", wide, {"text": f"## Done\n\n{LONG} `{LONG}`\n\n|a|\n|-|\n|{LONG}|"}),
            *exchange("fails", fails, {"text": f"- {LONG}"}),
            *exchange("writes", writes, {"text": "The sum of all is 73,211."}),
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
        pane.find(".grid")
        pane.find(".printed.stderr")
        pane.ask("fails")
        pane.find(".answer li")
        pane.ask("writes")
        pane.find(".answer-check")
        pane.click("#tab-terminal")
        pane.write("#code", "rows = [1, 2, 3]" + Keys.SHIFT + Keys.ENTER)
        pane.find(".log[aria-label=Terminal] .cell-ok")
        pane.click("#tab-chat")
        pane.ask("asks")
        pane.find(".permission")

    await asyncio.to_thread(fill)
    return pane


async def test_nothing_is_cut_or_out_of_bounds_and_axe_finds_nothing_serious(full):
    pane = full
    outside, findings = {}, {}

    def look_at(look, width, tab):
        pane.click(f"#tab-{tab}")
        pane.find(f"#tab-{tab}[aria-selected=true]")
        for each in pane.all(".fact:not([open]) summary, .checks:not([open]) summary"):
            pane.driver.execute_script("arguments[0].click()", each)
        look_at_now(look, width, tab)

    def look_at_now(look, width, view):
        keep(pane, f"{look}-{width}-{view}")
        outside[look, width, view] = pane.outside()
        if width in (320, 1400):
            findings[look, width, view] = pane.findings()

    def look_over(look, width):
        """The notebook, and what lies over the page."""
        pane.size(width)
        pane.click("#tab-notebook")
        pane.find(".recorded")
        look_at_now(look, width, "notebook")
        pane.click("#tab-trace")
        pane.click("[aria-label=Settings]")
        pane.find(".settings .hosts")
        look_at_now(look, width, "settings")
        pane.click(".settings button", "Help")
        pane.find(".help")
        look_at_now(look, width, "help")
        pane.click(".help button", "Close")
        pane.gone(".help")

    def drive():
        for look in ("light", "dark", "contrast"):
            choose_look(pane, look)
            pane.size(1400)
            pane.click(".permission .until-some-time")
            pane.click(".cell-bar button")
            pane.click("#tab-review")
            pane.write("#trace-cell", "A2" + Keys.ENTER)
            pane.find(".traced", "Where the value comes from")
            for width in WIDTHS if look == "light" else (320, 800, 1400):
                pane.size(width)
                for tab in ("chat", "files", "terminal", "review"):
                    if pane.all(f"#tab-{tab}"):
                        look_at(look, width, tab)
            for width in {"light": (320, 800, 1400), "dark": (320, 1400)}.get(look, ()):
                look_over(look, width)
        pane.size(320)
        pane.click("#menu")
        pane.find(".drawer .conversation")
        findings["drawer"] = pane.findings()
        keep(pane, "drawer")
        pane.click(".drawer [aria-label=Close]")
        pane.gone(".drawer")

    await asyncio.to_thread(drive)

    assert {k: v for k, v in outside.items() if v} == {}
    assert {k: v for k, v in findings.items() if v} == {}


async def test_everything_is_reached_by_keys_alone(full):
    pane = full

    def drive():
        pane.size(1400)
        names = set()
        focused = "return document.activeElement.getAttribute('aria-label') || document.activeElement.innerText || document.activeElement.id"
        pane.driver.execute_script("document.activeElement.blur()")
        for _ in range(120):
            pane.driver.switch_to.active_element.send_keys("\ue004")
            names.add(str(pane.driver.execute_script(focused)).strip())
        return names

    names = await asyncio.to_thread(drive)

    assert {
        "New conversation", "Search conversations", "Chat", "Allow once", "Deny", "Request",
        "Add files", "Download the notebook", "Settings", "Preview sales_q1.xlsx",
    } <= names  # fmt: skip


async def test_of_two_thousand_lines_the_last_are_drawn_and_the_rest_when_asked_for(
    pane, start_gateway
):
    lines = code_reply("for n in range(2_000): print('line', n, flush=True)")
    running = await start_gateway(exchange("lines", lines, {"text": "Printed."}))

    def drive():
        pane.open(running.gateway)
        pane.ask("lines")
        pane.find(".answer", "Printed.")
        drawn = pane.find("#log .printed").text
        pane.click("#log .more", "earlier lines")
        pane.gone("#log .more")
        whole = pane.driver.execute_script(
            "return document.querySelector('#log .printed').textContent"
        )
        return drawn, whole

    drawn, whole = await asyncio.to_thread(drive)

    assert drawn.endswith("line 1999")
    assert len(drawn.splitlines()) < 1000
    assert whole.splitlines() == [f"line {n}" for n in range(2_000)]
