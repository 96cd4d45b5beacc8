"""Versions of a file on the service's own page."""

import asyncio
from urllib.request import Request, urlopen

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from tests.browser import chromium


@pytest.fixture
def browser():
    with chromium.browser() as driver:
        yield driver


def wait_for(browser, selector, count):
    def found(driver):
        elements = driver.find_elements(By.CSS_SELECTOR, selector)
        return elements if len(elements) == count else None

    return WebDriverWait(browser, 20).until(found)


async def test_an_older_version_is_listed_downloaded_and_put_back(browser, start_gateway, tmp_path):
    gateway = (await start_gateway([])).gateway
    file = tmp_path / "prices.csv"

    def upload(content):
        file.write_text(content)
        browser.find_element(By.ID, "upload").send_keys(str(file))

    def content_of(link):
        headers = {"Authorization": f"Bearer {gateway.services.token}"}
        with urlopen(Request(link.get_attribute("href"), headers=headers)) as response:
            return response.read().decode()

    def versions(count):
        wait_for(browser, "#files details", 1)[0].click()
        return wait_for(browser, "#files ol a", count)

    def drive():
        browser.get(gateway.login_url)
        ready = "return socket && socket.readyState"
        WebDriverWait(browser, 20).until(lambda driver: driver.execute_script(ready) == 1)
        upload("one")
        size = "return document.querySelector('#files > li > a')?.textContent"
        WebDriverWait(browser, 20).until(lambda d: "0.0 kB" in (d.execute_script(size) or ""))
        upload("two" * 1000)
        WebDriverWait(browser, 20).until(lambda d: "3.0 kB" in (d.execute_script(size) or ""))
        before = [content_of(link) for link in versions(2)]
        browser.find_element(By.CSS_SELECTOR, "#files ol button").click()
        WebDriverWait(browser, 20).until(lambda d: "0.0 kB" in (d.execute_script(size) or ""))
        return before, [content_of(link) for link in versions(3)]

    before, after = await asyncio.to_thread(drive)

    assert before == ["one", "two" * 1000]
    assert after == ["one", "two" * 1000, "one"]
