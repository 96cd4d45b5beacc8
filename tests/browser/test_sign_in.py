"""Signing in with a real browser, whose rules about cookies and origins are the point."""

import asyncio
import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from tests.access_tokens import SECRET, caller, hs256
from tests.browser import chromium
from tests.conftest import code_reply, exchange


@pytest.fixture
def browser():
    with chromium.browser() as driver:
        yield driver


@pytest.fixture
def foreign_page():
    """Serves a page of another site with one link; returns a function that sets the link."""
    link = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = f'<!doctype html><title>x</title><a href="{link[-1]}">free money</a>'.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()

    def leading_to(address):
        link.append(address)
        # "localhost" is another site than "127.0.0.1", where the service is.
        return f"http://localhost:{server.server_port}/"

    yield leading_to
    server.shutdown()
    server.server_close()


def sees(browser, selector):
    return WebDriverWait(browser, 20).until(
        lambda driver: next(iter(driver.find_elements(By.CSS_SELECTOR, selector)), None)
    )


def user_of(browser, url):
    browser.get(f"{url}/api/me")
    return json.loads(browser.find_element(By.TAG_NAME, "body").text)["identity"]["username"]


async def test_a_click_on_a_foreign_page_asks_before_it_changes_the_user(
    browser, start_gateway, foreign_page
):
    url = (await start_gateway([], jwt_secret=SECRET)).url
    page = foreign_page(f"{url}/?token={hs256(user='eve')}")

    def drive():
        browser.get(f"{url}/?token={hs256(user='ann')}")
        sees(browser, "#request")
        browser.get(page)
        sees(browser, "a").click()
        button = sees(browser, "form[method=post] button")
        before = user_of(browser, url)
        browser.back()
        sees(browser, "form[method=post] button").click()
        sees(browser, "#request")
        return button is not None, before, user_of(browser, url)

    asked, before, after = await asyncio.to_thread(drive)

    assert asked
    assert before == "ann"
    assert after == "eve"


async def test_the_page_asks_for_a_token_and_takes_only_a_right_one(browser, start_gateway):
    url = (await start_gateway([], jwt_secret=SECRET)).url

    def drive():
        browser.get(url)
        sees(browser, "#token").send_keys("wrong" + Keys.ENTER)
        refused = sees(browser, ".problem").text
        sees(browser, "#token").clear()
        browser.refresh()
        sees(browser, "#token").send_keys(hs256(user="ann") + Keys.ENTER)
        sees(browser, "#request")
        return refused, user_of(browser, url), browser.get_cookies()

    refused, user, cookies = await asyncio.to_thread(drive)

    assert "token" in refused
    assert user == "ann"
    assert all(cookie["httpOnly"] for cookie in cookies)


async def test_a_token_that_ends_in_mid_turn_asks_for_another_and_nothing_is_lost(
    pane, start_gateway
):
    waits = code_reply(
        "import pathlib, time",
        "while not pathlib.Path('go').exists(): time.sleep(0.02)",
        "print('went on')",
    )
    running = await start_gateway(
        exchange("wait", waits, {"text": "It went on."}), jwt_secret=SECRET
    )

    ann = caller(running, hs256())
    made = json.loads((await ann("POST", "/api/v1/conversations", "{}")).body)["id"]
    await ann("POST", f"/api/v1/conversations/{made}/paths/main/turns", '{"request": "wait"}')

    def drive():
        pane.driver.get(f"{running.url}/?token={hs256(exp=time.time() + 8)}")
        pane.driver.get(f"{running.url}/#{made}")
        words = pane.find(".sign-in").text
        pane.write("#token", hs256() + Keys.ENTER)
        pane.find(".progress")
        (running.home(made) / "workspace" / "go").touch()
        pane.find(".answer", "It went on.")
        return words, pane.log()

    words, log = await asyncio.to_thread(drive)
    pane.complaints()  # of requests that were refused

    assert "access token" in words
    assert "went on" in log
