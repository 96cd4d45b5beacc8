"""One browser for the tests of a file; the page must never break its own policy."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from selenium import webdriver

from tests.browser import chromium
from tests.browser.pane import Pane


@pytest.fixture(scope="module")
def shared_browser() -> Iterator[webdriver.Chrome]:
    with chromium.browser() as driver:
        driver.set_script_timeout(60)
        yield driver


@pytest.fixture
def pane(shared_browser: webdriver.Chrome) -> Iterator[Pane]:
    """The page, signed in nowhere; in the end nothing in it was refused by its policy."""
    shared_browser.execute_cdp_cmd("Network.clearBrowserCookies", {})
    shared_browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    # What slides or fades in is there at once: colours and places are looked at as they end up.
    still = {"features": [{"name": "prefers-reduced-motion", "value": "reduce"}]}
    shared_browser.execute_cdp_cmd("Emulation.setEmulatedMedia", still)
    shared_browser.get("about:blank")
    pane = Pane(shared_browser)
    pane.complaints()
    yield pane
    assert pane.complaints() == []
