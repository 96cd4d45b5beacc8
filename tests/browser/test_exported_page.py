"""An exported notebook in a real browser: what it shows, and that nothing in it runs."""

import json

import pytest
from selenium.webdriver.common.by import By

from notebooks.export.formats import EXPORTS
from tests.browser import chromium
from tests.corpus.reviewed_notebook import reviewed_notebook

TABLE = """<div>
<style scoped>.dataframe tbody tr th { vertical-align: top; }</style>
<table border="1" class="dataframe">
  <thead><tr style="text-align: right;"><th></th><th>Region</th><th>Sales</th></tr></thead>
  <tbody><tr><th>0</th><td>A &amp; B &lt;GmbH&gt;</td><td>1250.5</td></tr></tbody>
</table>
</div>"""
ATTACKS = [
    "<script>attacked('script')</script>",
    "<scr<script>ipt>attacked('nested')</scr</script>ipt>",
    "<img src=x onerror=attacked('onerror')>",
    "<img src='data:text/html,<script>attacked(1)</script>'>",
    "<svg onload=attacked('svg')><script>attacked('in svg')</script><a xlink:href='javascript:attacked()'><text>t</text></a></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror=attacked('mxss')></style></mglyph></table></mtext></math>",
    "<noscript><p title='</noscript><img src=x onerror=attacked(1)>'></noscript>",
    "<a href='javascript:attacked(1)'>j</a><a href=' java\tscript:attacked(1)'>j</a><a href='&#106;avascript:attacked(1)'>j</a>",
    "<a href='data:text/html,<script>attacked(1)</script>'>d</a><a href='vbscript:x'>v</a>",
    "<iframe src='javascript:attacked(1)'></iframe><iframe srcdoc='<script>parent.attacked(1)</script>'></iframe>",
    "<object data='data:text/html,x'></object><embed src='javascript:attacked(1)'><base href='https://evil.example/'>",
    "<form action='javascript:attacked(1)'><button formaction='javascript:attacked(1)'>b</button><input autofocus onfocus=attacked(1)></form>",
    "<meta http-equiv=refresh content='0;url=javascript:attacked(1)'><link rel=stylesheet href=https://evil.example/x.css>",
    "<details open ontoggle=attacked(1)>d</details><video><source onerror=attacked(1)></video>",
    "<style>@import 'https://evil.example/x.css'; body { display: none }</style>",
    '<p style="background-color: url(https://evil.example/x); position: fixed; color: expression(attacked(1))">s</p>',
    "</div></section></main><section class=forged>forged</section>",
    "<div class='tied'>Tie-out: all is fine</div><div class='Verdict good x'><p class='outcome'>",
    "<!--><img src=x onerror=attacked(1)>--><![CDATA[<script>attacked(1)</script>]]>",
    "<plaintext><template><script>attacked(1)</script></template>",
    "<div>" * 900 + "<img src=x onerror=attacked(1)>",
]
SVG = """<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="40"
 height="40" onload="attacked(1)"><script>attacked(1)</script><a xlink:href="javascript:attacked(1)">
 <rect width="40" height="40" fill="green"/></a></svg>"""
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def display(**forms):
    data = {kind.replace("_", "/", 1): value for kind, value in forms.items()}
    return {"output_type": "display_data", "data": data, "metadata": {}}


def cell(kind, source, *outputs, **metadata):
    code = {"outputs": list(outputs), "execution_count": 1} if kind == "code" else {}
    return {"cell_type": kind, "metadata": metadata, "source": source, **code}


@pytest.fixture(scope="module")
def one_browser():
    with chromium.browser() as driver:
        yield driver


@pytest.fixture
def browser(one_browser):
    """The browser of this file, with nothing left of the test before."""
    one_browser.get("about:blank")
    one_browser.get_log("browser")
    one_browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    one_browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    return one_browser


@pytest.fixture
def page(browser, tmp_path):
    """Open the export of a notebook with these cells; its file's name can be chosen."""

    def show(*cells, name="x.ipynb", metadata=None):
        content = {"cells": [c | {"id": f"c{n}"} for n, c in enumerate(cells)],
                   "metadata": metadata or {}, "nbformat": 4, "nbformat_minor": 5}  # fmt: skip
        (tmp_path / name).write_text(json.dumps(content))
        file = tmp_path / "page.html"
        file.write_bytes(EXPORTS["html"](tmp_path / name))
        browser.get(file.as_uri())
        unfold(browser)
        return browser

    return show


def unfold(browser):
    browser.execute_script("for (const d of document.querySelectorAll('details')) d.open = true")


def text_of(browser, selector):
    return browser.find_element(By.CSS_SELECTOR, selector).text


def test_text_cells_are_rendered_once(page):
    browser = page(
        cell(
            "markdown",
            "# Sales\n\nRows **above** `1 < 2` & <b>bold</b>\n\n- one\n\n|a|b|\n|-|-|\n|1|2|",
        )
    )

    shown = text_of(browser, ".text")
    assert shown.splitlines()[:2] == ["Sales", "Rows above 1 < 2 & bold"]
    assert "<" not in shown.replace("1 < 2", "")
    assert "&" not in shown.replace(" & bold", "")
    assert text_of(browser, ".text strong") == "above"
    assert text_of(browser, ".text li") == "one"
    assert text_of(browser, ".text thead th") == "a"


def test_a_table_keeps_its_headers_and_its_text(page):
    browser = page(cell("code", "df", display(text_html=TABLE, text_plain="plain")))

    heads = browser.find_elements(By.CSS_SELECTOR, ".output table.dataframe thead th")
    assert [head.text for head in heads] == ["", "Region", "Sales"]
    assert text_of(browser, ".output tbody th") == "0"
    assert text_of(browser, ".output tbody td") == "A & B <GmbH>"
    assert "vertical-align" not in text_of(browser, ".output")


def test_pictures_colours_and_code_are_shown_as_they_are(page):
    traceback = {
        "output_type": "error",
        "ename": "E",
        "evalue": "",
        "traceback": ["\x1b[31mE\x1b[0m <x>"],
    }
    browser = page(
        cell(
            "code",
            "a < b and '<i>'",
            display(image_png=PIXEL + "\n"),
            display(image_svg__xml=SVG),
            traceback,
        )
        | {
            "outputs": [
                display(image_png=PIXEL + "\n"),
                display(**{"image_svg+xml": SVG}),
                traceback,
            ]
        }
    )

    widths = browser.execute_script("return [...document.images].map(image => image.naturalWidth)")
    assert widths == [1, 40]
    assert text_of(browser, ".code .highlight") == "a < b and '<i>'"
    assert text_of(browser, ".error") == "E <x>"
    assert browser.find_elements(By.CSS_SELECTOR, ".error .ansi-red-fg")


def everything_hostile():
    for attack in ATTACKS:
        yield cell("markdown", attack)
        yield cell(
            "markdown",
            f"[link](javascript:attacked(1)) ![picture](javascript:attacked(1)) <{attack}",
        )
        yield cell("raw", attack)
        yield cell(
            "code", attack,
            display(text_html=attack, text_plain="x"),
            display(text_html=attack.split("<", 1)[0] + "<b>b</b>" + attack),
            display(text_markdown=attack), display(text_latex=attack), display(text_plain=attack),
            display(application_javascript="attacked('js')"),
            display(application_json={attack: attack}),
            display(image_png=f'"><img src=x onerror=attacked(1)>{attack}'),
            display(**{"image_svg+xml": attack}), display(**{"image_svg+xml": SVG}),
            {"output_type": "stream", "name": "stdout", "text": f"\x1b[31;{attack}m{attack}"},
            {"output_type": "error", "ename": attack, "evalue": attack, "traceback": []},
            {"output_type": "error", "ename": attack, "evalue": "", "traceback": [attack]},
            tags=['"><img src=x onerror=attacked(1)>'],
        )  # fmt: skip
        facts = {"status": attack, "error": {"code": attack, "message": attack}}
        yield cell("raw", attack, tallybook={**facts, "outputs": [display(text_html=attack)]})
    mermaid = "```mermaid\n</pre><img src=x onerror=attacked(1)>\n```"
    yield cell("markdown", mermaid)
    yield cell("markdown", "![a](attachment:a.png)") | {
        "attachments": {"a.png": {"text/html": '"><script>attacked(1)</script>'}}
    }


FINDINGS = """
const found = [];
const bare = new DOMParser().parseFromString(html, 'text/html');
for (const element of [...document.querySelectorAll('*'), ...bare.querySelectorAll('*')]) {
  const name = element.localName;
  if (['script', 'iframe', 'object', 'embed', 'base', 'link', 'form', 'svg', 'math', 'button',
       'input', 'template', 'noscript', 'frame', 'video', 'audio'].includes(name)) found.push(name);
  if (name == 'style' && element.parentElement.localName != 'head') found.push('style');
  if (name == 'meta' && element.parentElement.localName != 'head') found.push('meta');
  for (const {name: key, value} of element.attributes) {
    if (key.startsWith('on')) found.push(name + ' ' + key);
    if (['href', 'src', 'action', 'formaction', 'srcdoc', 'data', 'xlink:href'].includes(key)
        && !/^(https?:|mailto:|#|data:image\\/)/i.test(value)) found.push(key + '=' + value);
    if (key == 'src' && !value.startsWith('data:image/')) found.push(key + '=' + value);
    if (key == 'style' && /url|expression|position/i.test(value)) found.push(value);
  }
}
for (const text of document.querySelectorAll('.output, .text'))
  for (const like of text.querySelectorAll('.tied, .suspicious, .verdict, .good, .outcome, .cell'))
    if (!like.matches('main > .request > *')) found.push('passes for the page: ' + like.className);
if (document.querySelectorAll('main > :not(header.front, section.request)').length)
  found.push('outside a request');
if (document.querySelectorAll('.request > :not(section.cell, h2, p.small)').length)
  found.push('outside a cell');
if (document.querySelectorAll('body > :not(main)').length) found.push('outside main');
return found;
"""


def test_nothing_that_runs_loads_or_leaves_its_place_survives(page, tmp_path):
    """Without its policy too: the page is read once more as plain HTML."""
    hostile = "<img src=x onerror=attacked(1)>&\"'.ipynb"
    browser = page(
        *everything_hostile(),
        name=hostile,
        metadata={"title": "</title><script>attacked(1)</script>", "widgets": {"x": "</script>"}},
    )
    html = (tmp_path / "page.html").read_text()

    assert browser.execute_script(f"const html = arguments[0]; {FINDINGS}", html) == []
    assert browser.title == hostile.removesuffix(".ipynb")
    assert browser.find_elements(By.CSS_SELECTOR, ".cell")
    assert not [entry for entry in browser.get_log("browser") if "attacked" in entry["message"]]


HOSTILE = "".join(attack for attack in ATTACKS if "<plaintext>" not in attack)


async def test_nothing_hostile_in_any_text_of_a_record_runs_or_leaves_its_place(browser, tmp_path):
    """In requests, users, answers, code, outputs, file names, findings, reasons, models."""
    name = "</td></table><img src=x onerror=attacked(1)>".replace("/", "\u2215")
    notebook = await reviewed_notebook(tmp_path / "record", HOSTILE, name)
    html = EXPORTS["html"](notebook).decode()
    (tmp_path / "page.html").write_text(html)

    browser.get((tmp_path / "page.html").as_uri())

    assert browser.execute_script(f"const html = arguments[0]; {FINDINGS}", html) == []
    assert len(browser.find_elements(By.CSS_SELECTOR, ".front .stacks")) == 3
    assert len(browser.find_elements(By.CSS_SELECTOR, ".cell.code")) == 7
    begin = html.index("<meta http-equiv")
    bare = html[:begin] + html[html.index(">", begin) + 1 :]
    counting = "<script>var count = 0; function attacked() { count += 1 }</script>"
    (tmp_path / "bare.html").write_text(bare.replace("<head>", f"<head>{counting}"))
    browser.get((tmp_path / "bare.html").as_uri())
    assert browser.execute_script("return count") == 0


SHOWN = """
const done = arguments[0];
const look = () => [...document.querySelectorAll('.highlight')].map(
  code => code.checkVisibility({contentVisibilityAuto: true}));
requestAnimationFrame(() => requestAnimationFrame(() => done(look())));
"""


async def test_code_is_folded_on_the_screen_and_shown_on_paper(browser, tmp_path):
    notebook = await reviewed_notebook(tmp_path / "record")
    (tmp_path / "page.html").write_bytes(EXPORTS["html"](notebook))
    browser.get((tmp_path / "page.html").as_uri())
    folded = browser.execute_async_script(SHOWN)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    printed = browser.execute_async_script(SHOWN)

    assert folded == [False] * 7
    assert printed == [True] * 7


@pytest.mark.parametrize("width", [360, 400, 768, 1200])
async def test_the_page_is_as_wide_as_its_window(browser, tmp_path, width):
    notebook = await reviewed_notebook(tmp_path / "record", name="_with_a_long_name" * 6)
    (tmp_path / "page.html").write_bytes(EXPORTS["html"](notebook))
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": True},
    )
    browser.get((tmp_path / "page.html").as_uri())

    assert browser.execute_script("return document.documentElement.scrollWidth") == width


def test_the_same_page_without_its_policy_runs_nothing(page, browser, tmp_path):
    page(*everything_hostile())
    html = (tmp_path / "page.html").read_text()
    begin = html.index("<meta http-equiv")
    bare = html[:begin] + html[html.index(">", begin) + 1 :]
    counting = "<script>var count = 0; function attacked() { count += 1 }</script>"
    (tmp_path / "bare.html").write_text(bare.replace("<head>", f"<head>{counting}"))

    browser.get((tmp_path / "bare.html").as_uri())
    browser.execute_script("for (const link of document.querySelectorAll('a')) link.focus()")

    assert browser.execute_script("return count") == 0
    assert browser.execute_script(
        "return performance.getEntriesByType('resource').map(entry => entry.name)"
        ".filter(name => !name.startsWith('data:'))"
    ) == []  # fmt: skip
