"""Code in JavaScript and TypeScript, run in the page's terminal."""

import asyncio

from selenium.webdriver.common.keys import Keys


async def test_javascript_and_typescript_run_in_the_terminal_on_the_same_files(
    pane, start_gateway, tmp_path
):
    running = await start_gateway([])
    (tmp_path / "sales.csv").write_text("region,sales\nnorth,30\nsouth,12\n")
    javascript = (
        "const text = await Deno.readTextFile('inputs/sales.csv');\n"
        "const sales = text.trim().split('\\n').slice(1).map((line) => Number(line.split(',')[1]));\n"
        "console.log('sum', sales.reduce((a, b) => a + b, 0));"
    )
    typescript = (
        "interface Row { region: string; sales: number }\n"
        "const rows: Row[] = [{ region: 'north', sales: 30 }];\n"
        "console.log(`typed ${rows[0].region}`, sales.length);"
    )

    def typed(code):
        box = pane.find("#code")
        pane.driver.execute_script(
            "const [box, code] = arguments; Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, 'value').set.call(box, code);"
            "box.dispatchEvent(new Event('input', {bubbles: true}))",
            box,
            code,
        )
        detected = pane.find(".language option:checked").text
        pane.find("#run:enabled")  # one runs at a time
        box.send_keys(Keys.SHIFT + Keys.ENTER)
        return detected

    def drive():
        pane.open(running.gateway)
        pane.upload(tmp_path / "sales.csv")
        pane.find(".file", "sales.csv")
        pane.click("#tab-terminal")
        first = typed(javascript)
        pane.find(".outputs pre", "sum 42")
        second = typed(typescript)
        pane.find(".outputs pre", "typed north 2")
        typed("throw new Error('no such region')")
        failed = pane.find(".failure", "no such region").text
        bars = [bar.text for bar in pane.all(".log[aria-label=Terminal] .cell-bar")]
        return first, second, failed, bars, pane.findings()

    first, second, failed, bars, findings = await asyncio.to_thread(drive)

    assert (first, second) == ("JavaScript (detected)", "TypeScript (detected)")
    assert failed.startswith("The code failed: no such region")
    assert [bar.split(",")[0] for bar in bars] == ["JavaScript", "TypeScript", "JavaScript"]
    assert findings == []
