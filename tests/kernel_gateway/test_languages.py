"""Cells in Bash, JavaScript and TypeScript: their kernels, risk, record, re-run and export."""

import asyncio
import json

import pytest

from notebooks.export.page import notebook_page
from notebooks.export.script import notebook_script
from notebooks.ledger.verify import verify_notebook
from notebooks.record.reading import read_notebook
from tests.conftest import exchange


def printed(reply):
    return "".join(output.get("text", "") for output in reply["outputs"])


@pytest.fixture
async def run(running):
    """Runs code in one conversation and returns the reply."""
    conversation = (await running.client.post("/api/v1/conversations", {}))["id"]

    async def run(language, code):
        body = {"code": code, "language": language, "conversation": conversation}
        return await running.client.post("/api/v1/execute", body)

    run.conversation, run.running = conversation, running
    return run


async def test_each_language_has_one_kernel_with_its_own_state_on_the_same_files(run):
    await run("python", "open('outputs/a.txt', 'w').write('2\\n1\\n')")
    await run("bash", "total=$(wc -l < outputs/a.txt); sort outputs/a.txt > outputs/b.txt")
    bash = await run("bash", "echo lines: $total")
    await run("typescript", "const lines: string = Deno.readTextFileSync('outputs/b.txt');")
    script = await run("javascript", "console.log(JSON.stringify(lines))")
    python = await run("python", "print(open('outputs/b.txt').read())")

    assert printed(bash) == "lines: 2\n"
    assert printed(script) == '"1\\n2\\n"\n'
    assert printed(python) == "1\n2\n\n"


async def test_all_that_a_javascript_cell_prints_is_in_its_reply(run):
    many = await run("javascript", "for (let line = 0; line < 20000; line++) console.log(line)")
    quiet = await run("javascript", "console.log = () => 0")
    silenced = await run("javascript", "console.log('not shown'); console.error('shown')")

    assert printed(many).split() == [str(line) for line in range(20000)]
    assert quiet["status"] == silenced["status"] == "ok"
    assert printed(silenced) == "shown\n"


async def test_the_kernels_of_all_languages_count_in_the_limit_and_end_with_the_path(run):
    contexts = run.running.gateway.services.contexts
    for language in ("python", "bash"):
        await run(language, "x=1")
    alive = contexts.live_kernels()

    await run.running.client.delete(f"/api/v1/conversations/{run.conversation}/paths/main/context")

    assert alive == 2
    assert contexts.live_kernels() == 0


async def test_a_lost_kernel_of_another_language_is_rebuilt_from_its_own_cells(run):
    await run("bash", "kept=42")
    await run("python", "kept = 'of Python'")
    await run.running.client.delete(f"/api/v1/conversations/{run.conversation}/paths/main/context")

    reply = await run("bash", "echo $kept")

    assert printed(reply) == "42\n"


async def test_what_never_runs_is_blocked_with_its_reason_in_every_language(run):
    for language, code, reason in (
        ("bash", "eval 'ls'", "another file as code"),
        ("javascript", "new Deno.Command('ls').outputSync()", "starts a program"),
        ("typescript", "if (", "can't read this"),
    ):
        reply = await run(language, code)

        assert reply["kind"] == "error", language
        assert reason in reply["error"]["message"]


async def test_an_unknown_command_is_asked_for_and_runs_once_allowed(running):
    conversation = await running.conversation()
    code = "awk 'BEGIN { print 6 * 7 }'"
    await conversation.connection.send("execute.request", code=code, language="bash")
    asked = (await conversation.until("permission.required"))["data"]

    await conversation.connection.send("permission.reply", id=asked["id"], decision="once")
    finished = (await conversation.until("turn.finished"))["data"]

    assert asked["targets"] == ["awk"]
    assert finished["outputs"][0]["text"] == "42\n"


async def test_a_failing_cell_of_each_language_is_an_error_of_the_code(run):
    for language, code in (("bash", "false"), ("javascript", "throw new Error('no rate')")):
        reply = await run(language, code)

        assert reply["kind"] == "error", language
        assert reply["error"]["code"] == "code-error"


async def test_cells_of_other_languages_are_verified_rerun_and_exported_as_such(run, tmp_path):
    await run("python", "open('outputs/n.txt', 'w').write('3')")
    await run("bash", "sum=$(( $(cat outputs/n.txt) + 4 ))")
    await run("bash", "echo sum $sum")
    await run("javascript", "for (let n = 0; n < 5000; n += 1) console.log(n)")
    file = run.running.home(run.conversation) / "notebook.ipynb"

    report = await asyncio.to_thread(rerun, file, tmp_path)
    notebook = read_notebook(file)
    page, script = notebook_page(notebook, "Languages"), notebook_script(notebook)

    assert verify_notebook(file).verified
    assert [(cell.verdict, cell.detail) for cell in report.cells] == [("reproduced", "")] * 4
    assert "language: bash" in page
    assert "language: javascript" in page
    assert "# echo sum $sum" in script
    compile(script, "script", "exec")


def rerun(file, tmp_path):
    from container.workspace.workspace import Workspace
    from notebooks.rerun.run import rerun_notebook

    workspace = Workspace.create(tmp_path / "again")
    return rerun_notebook(file, workspace.directory, tmp_path / "again.ipynb")


async def test_the_model_can_run_a_cell_of_another_language(start_gateway):
    call = {"text": "", "run_code": {"code": "echo $((2 + 3))", "language": "bash"}}
    running = await start_gateway(exchange("count", call, {"text": "5 lines."}))
    conversation = await running.conversation()

    finished = await conversation.ask("count in bash")

    assert finished["answer"] == "5 lines."
    assert conversation.of_kind("cell.started")[0]["language"] == "bash"
    assert "5" in json.dumps(running.standin.requests[1]["contents"][-1])


async def test_the_kernelspecs_list_every_language_that_this_machine_can_run(running):
    specs = (await running.client.get("/api/kernelspecs"))["kernelspecs"]

    assert {name: spec["spec"]["language"] for name, spec in specs.items()} == {
        "tallybook-python": "python",
        "tallybook-bash": "bash",
        "tallybook-deno": "typescript",
    }
