"""The page in a browser, as a person uses it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

AXE = Path(__file__).parents[2] / "addin" / "node_modules" / "axe-core" / "axe.min.js"
SECONDS = 60
OUTSIDE = """
const scrolled = (element) => element.closest('.scroller, pre, .log, .side, .drawer, .files-column');
const wide = [...document.querySelectorAll('body *')].filter((element) => {
  const box = element.getBoundingClientRect();
  if (box.width === 0 || box.height === 0 || element.closest('.picker, .visually-hidden')) return false;
  const inside = element.closest('.scroller, pre');
  return inside === null && (box.right > innerWidth + 1 || box.left < -1);
});
return wide.map((element) => element.outerHTML.slice(0, 120));
"""


class Pane:
    """The page of one service, driven by clicks and keys."""

    def __init__(self, driver: Chrome) -> None:
        self.driver = driver

    def open(self, gateway: Any) -> None:
        """Sign in by the login address and wait for the page."""
        self.driver.get(gateway.login_url)
        self.find("#request")

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def find(self, selector: str, text: str = "") -> WebElement:
        """Wait for a shown element of *selector* that has *text*."""

        def found(_: Chrome) -> WebElement | None:
            try:
                return next(
                    (e for e in self.all(selector) if e.is_displayed() and text in e.text), None
                )
            except StaleElementReferenceException:
                return None

        wait = WebDriverWait(self.driver, SECONDS)
        return wait.until(found, f"nothing at {selector!r} has {text!r}")

    def gone(self, selector: str) -> None:
        """Wait until nothing matches *selector*."""
        wait = WebDriverWait(self.driver, SECONDS)
        wait.until(lambda _: not self.all(selector), f"{selector!r} stays")

    def wait(self, what: str, look: Callable[[], object]) -> None:
        """Wait until *look* returns something true; *what* is named if it never does."""
        WebDriverWait(self.driver, SECONDS).until(lambda _: look(), f"{what}: it never came")

    def click(self, selector: str, text: str = "") -> None:
        """Click what `find` finds, also if it moves meanwhile."""
        self.driver.execute_script("arguments[0].click()", self.find(selector, text))

    def write(self, selector: str, text: str) -> None:
        self.find(selector).send_keys(text)

    def ask(self, request: str) -> None:
        """Write a request and send it with Enter."""
        self.write("#request", request + Keys.ENTER)

    def upload(self, *files: Path) -> None:
        self.driver.find_element(By.ID, "upload").send_keys("\n".join(map(str, files)))

    def log(self) -> str:
        """Return the text of the conversation."""
        return self.find("#log").text

    def size(self, width: int, height: int = 900) -> None:
        """Give the page a size in CSS pixels."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def outside(self) -> list[str]:
        """Return what reaches beyond the page's sides."""
        found: list[str] = self.driver.execute_script(OUTSIDE)
        return found

    def findings(self) -> list[str]:
        """Return what axe finds that is serious or critical."""
        self.driver.execute_script(AXE.read_text("utf-8"))
        script = (
            # Fluent's traps of the focus can be reached by design: they pass it on at once.
            "const done = arguments[0];"
            "axe.run({exclude: ['[data-tabster-dummy]']}, {resultTypes: ['violations']})"
            ".then((found) => done(found.violations), (error) => done(String(error)))"
        )
        violations = self.driver.execute_async_script(script)
        assert isinstance(violations, list), violations
        return [
            f"{each['id']}: {node['target']} {node['failureSummary']}"
            for each in violations
            if each["impact"] in ("serious", "critical")
            for node in each["nodes"]
        ]

    def complaints(self) -> list[str]:
        """Return what the browser's console has of broken rules and errors of the page."""
        return [
            entry["message"]
            for entry in self.driver.get_log("browser")
            if entry["source"] in ("security", "javascript", "console-api")
        ]
