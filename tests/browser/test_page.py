"""The service's own page in a real browser."""

import asyncio
import base64

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from tests.browser import chromium
from tests.conftest import STACK, code_reply, exchange


@pytest.fixture
def browser():
    with chromium.browser() as driver:
        yield driver


def open_page(browser, gateway):
    browser.get(gateway.login_url)
    ready = "return socket && socket.readyState"
    WebDriverWait(browser, 20).until(lambda driver: driver.execute_script(ready) == 1)


def wait_for(browser, selector: str, text: str = ""):
    def found(driver):
        elements = driver.find_elements(By.CSS_SELECTOR, selector)
        return next((e for e in elements if text in e.text), None)

    return WebDriverWait(browser, 40).until(found)


async def test_a_person_uploads_asks_and_sees_answer_chart_and_files(
    browser, start_gateway, examples
):
    gateway = (await start_gateway()).gateway

    def drive():
        open_page(browser, gateway)
        browser.find_element(By.ID, "upload").send_keys("\n".join(str(f) for f in examples))
        wait_for(browser, "#files li", "sales_q3.xlsx")
        for request in (STACK, "now a pivot of Sales by Region and Quarter, and a chart"):
            browser.find_element(By.ID, "request").send_keys(request)
            browser.find_element(By.ID, "send").click()
        wait_for(browser, ".answer", "pivot of Sales by Region")
        wait_for(browser, "#files li", "outputs/sales_pivot.xlsx")
        return browser.find_element(By.CSS_SELECTOR, "#log img").get_attribute(
            "src"
        ), browser.current_url

    image, url = await asyncio.to_thread(drive)

    assert base64.b64decode(image.partition(",")[2]).startswith(b"\x89PNG")
    assert "token" not in url


async def test_a_reload_shows_everything_again(browser, start_gateway):
    running = await start_gateway(
        exchange("count", code_reply("print('one two')"), {"text": "Two."})
    )

    def drive():
        open_page(browser, running.gateway)
        browser.find_element(By.ID, "request").send_keys("count")
        browser.find_element(By.ID, "send").click()
        wait_for(browser, ".answer", "Two.")
        before = browser.find_element(By.ID, "log").text
        browser.refresh()
        wait_for(browser, ".answer", "Two.")
        return before, browser.find_element(By.ID, "log").text

    before, after = await asyncio.to_thread(drive)

    assert "one two" in before
    assert before == after


async def test_permission_is_asked_with_buttons(browser, start_gateway):
    code = code_reply("import urllib.request\nprint(urllib.parse.quote('a b'))")
    running = await start_gateway(exchange("encode", code, {"text": "Done."}))

    def drive():
        open_page(browser, running.gateway)
        browser.find_element(By.ID, "request").send_keys("encode")
        browser.find_element(By.ID, "send").click()
        wait_for(browser, ".permission button.once").click()
        wait_for(browser, ".answer", "Done.")
        return browser.find_element(By.ID, "log").text

    assert "a%20b" in await asyncio.to_thread(drive)


async def test_a_display_that_is_updated_shows_its_last_content_only(browser, start_gateway):
    code = code_reply("shown = display('10 %', display_id=True)", "shown.update('all of it')")
    running = await start_gateway(exchange("progress", code, {"text": "Finished."}))

    def drive():
        open_page(browser, running.gateway)
        browser.find_element(By.ID, "request").send_keys("progress")
        browser.find_element(By.ID, "send").click()
        wait_for(browser, ".answer", "Finished.")
        return [each.text for each in browser.find_elements(By.CSS_SELECTOR, "#log pre:not(.code)")]

    assert await asyncio.to_thread(drive) == ["'all of it'"]


async def test_hostile_output_is_shown_as_text_and_never_run(browser, start_gateway):
    hostile = (
        "<img src=x onerror=\\\"document.title='owned'\\\"><script>document.title='owned'</script>"
    )
    code = code_reply(
        "class H:",
        f'    def _repr_html_(self): return "{hostile}"',
        f'    def __repr__(self): return "{hostile}"',
        "H()",
    )
    running = await start_gateway(exchange("attack", code, {"text": hostile.replace("\\", "")}))

    def drive():
        open_page(browser, running.gateway)
        browser.find_element(By.ID, "request").send_keys("attack")
        browser.find_element(By.ID, "send").click()
        wait_for(browser, ".answer", "onerror")
        return browser.title, browser.find_element(By.ID, "log").text

    title, log = await asyncio.to_thread(drive)

    assert title == "Tallybook"
    assert "<script>" in log
