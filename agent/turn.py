"""A turn's loop: gather context, get code, check it, ask, run, repair, answer."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import re
from collections.abc import Mapping
from functools import partial
from typing import Any

from opentelemetry import trace

from agent.answering import reviewed
from agent.budget import TurnBudget
from agent.checks.answer import marked, objection
from agent.checks.formula_values import summary
from agent.checks.tie_out import said_to_model
from agent.context.context import TurnContext, context_facts, opening, read_profiles
from agent.egress.outgoing import guarded_value
from agent.errors import InvalidRequest, ModelUnavailable, TurnBudgetSpent
from agent.memory.compaction import remember
from agent.memory.history import entries_of, profiles_seen, unanswered, with_endings
from agent.models.calls import RUN_CODE
from agent.office_steps import begin_office, office_done, route_of, write_in_excel
from agent.parameters import parameters_problem, parameters_source, turn_parameters_source
from agent.permission.admission import TurnPorts, admit
from agent.permission.fetch import fetch
from agent.ports import Message, ModelReply, PathRuntime, ToolCall
from agent.prompts.quoting import quoted_lines
from agent.prompts.render import prompt_version, render_output, system_prompt
from agent.repair.advice import BAD_CALL, REFUSED, advice
from agent.retrieval.hits import find_hits
from agent.route import route_text
from agent.run_cell import ran_before, run_cell
from agent.staleness import all_stale, cells_of_turn, last_cell, made_stale, said
from agent.tools.analysis.call import RUN_ANALYSIS, analysis_code
from agent.tools.office.call import office_declarations
from agent.tools.office.catalog import OFFICE_TOOLS
from agent.tools.registry import DECLARATIONS, call_tool, called
from agent.tools.tool import Reach, ToolFailed
from agent.turn_state import PendingCode, PendingOffice, TurnState
from container.errors import ContainerError
from container.kernel.execute_reply import ClientRequest
from container.kernel.languages import PYTHON
from container.workspace.workspace import INPUTS
from notebooks.record.cells import Execution, Provenance, new_cell_id

tracer = trace.get_tracer("tallybook")
MOST_FINDINGS = 12
WRITE_CODE = (RUN_CODE.name, RUN_ANALYSIS.name)
NO_MODEL = (
    "No language model is set up. Set GEMINI_API_KEY, or name a service with OpenAI's API "
    "(TALLYBOOK_MODEL_PROTOCOL=openai), or send code."
)
CELL_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""A valid cell id in nbformat 4.5."""


def check_request(request: str, budget: TurnBudget) -> str:
    """Return *request* trimmed.

    Raises:
        InvalidRequest: It is empty or too long.
    """
    request = request.strip()
    size = len(request.encode("utf-8", "surrogatepass"))
    if not request:
        raise InvalidRequest("The request is empty. Say what should be done with the workbooks.")
    if size > budget.request_bytes:
        raise InvalidRequest(
            f"The request is {size // 1024} KB long; the limit is {budget.request_bytes // 1024} "
            "KB. Put data into a file and upload it."
        )
    return request


async def run_turn(state: TurnState, ports: TurnPorts) -> str:
    """Run a new or resumed turn until the model answers.

    Args:
        state: Changed in place as the turn goes on.
        ports: The interfaces and limits it uses.

    Returns:
        The answer as text; it is also recorded in the notebook.

    Raises:
        AgentError, ContainerError: The turn ended without an answer; cells that
            ran are recorded.
    """
    warming = asyncio.create_task(_nothing() if state.advice else _warm(ports.runtime))
    try:
        if not state.history:
            await _begin(state, ports)
        while True:
            if state.office is not None:
                await _use_office(state, state.office, ports)
            elif state.pending is None and not state.calls:
                reply = await _generate(state, ports)
                answer = await _take_reply(state, ports, reply)
                if answer and (given := await _give(state, ports, answer)):
                    return given
            if state.pending is None and state.office is None and state.calls:
                await _take_call(state, ports)
            if state.pending is not None:
                await _run_pending(state, state.pending, ports)
                state.pending = state.running = None
                # After this save, a restarted turn goes on by asking the model.
                await ports.save(state)
            _check_budget(state, ports.budget)
    finally:
        warming.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await warming


async def _with_stale(answer: str, state: TurnState, ports: TurnPorts) -> str:
    """Return the answer with what this turn has made stale, which the user has to know."""
    if not state.cells:
        return answer
    runtime = ports.runtime
    files = await ports.hashes.current(runtime.workspace)
    stale = await made_stale(runtime, files, lambda cell: cell.turn == state.id)
    own = cells_of_turn(runtime, state.id)
    stale = [each for each in stale if each.cell not in own]  # it has gone on from those
    return f"{answer}\n\n{said(stale)}" if stale else answer


async def _nothing() -> None:
    """Start no kernel."""


async def _warm(runtime: PathRuntime) -> None:
    """Start the kernel while the model generates; the first cell reports a failure."""
    with contextlib.suppress(Exception):
        await runtime.session()


def _check_budget(state: TurnState, budget: TurnBudget) -> None:
    if state.repairs > budget.repairs:
        raise TurnBudgetSpent(f"{budget.repairs} repairs", state.last_error)
    if state.steps >= budget.steps:
        raise TurnBudgetSpent(f"{budget.steps} steps", state.last_error)


# context


ADVICE = (
    "This request is for advice: answer it in words. No code is run for it; code that you show is "
    "for the user to read."
)
NOT_NOW = "This request is for advice: no code is run for it. Answer in words."
ENDED = (
    "The kernel ended. Before the next cell runs, variables are rebuilt by running the "
    "recorded successful cells again."
)


async def _begin(state: TurnState, ports: TurnPorts) -> None:
    runtime = ports.runtime
    cells = runtime.recorder.code_cells()
    starts = not state.advice and runtime.live_session() is None
    if starts and any(cell["status"] == "ok" for cell in cells):
        await _warm(runtime)  # ignores errors: the model can answer without a kernel
    live = runtime.live_session()
    profiles, other = await read_profiles(runtime.workspace, ports.profiler)
    past = entries_of(runtime.recorder.entries(), without=state.id)
    if missing := unanswered(past):
        past = with_endings(past, await ports.past.endings(missing))
    variables = await live.variables() if live else []
    context = TurnContext(
        profiles=profiles,
        other_files=other,
        variables=variables,
        hits=await find_hits(state.request, ports.past, profiles, variables),
        seen=profiles_seen(past),
        memory=remember(past, ports.budget.memory_tokens),
        kernel_is_new=live is None or live.fresh,
        state_note="" if state.advice else runtime.take_state_note(),
        mode=ADVICE if state.advice else "",
        stale=said(await all_stale(runtime, await ports.hashes.current(runtime.workspace))),
    )
    await ports.sink.emit("context.used", context_facts(context, state.request))
    route = route_of(state.request, profiles, ports)
    await ports.sink.emit("route.chosen", dataclasses.asdict(route))
    facts = {"turn": state.id, "kind": "request", "user": ports.user, "prompt": prompt_version()}
    await runtime.recorder.note(state.request, {**facts, "profiles": context.digests})
    known, request = opening(context, state.request)
    if ports.office is not None and ports.office.pane() is not None:
        known = "\n\n".join(filter(None, (known, route_text(route))))
    known = await _may_leave(known, ports)  # the user's own words go as they are
    state.history.append({"role": "user", "texts": [known, request]})


async def _may_leave(value: Any, ports: TurnPorts) -> Any:
    """Return *value*, which comes from files or the kernel, as the model may have it."""
    may, findings = guarded_value(value, ports.runtime.egress.model)
    if findings:
        await ports.sink.emit("output.redacted", {"towards": "model", "findings": findings})
    return may


# the model


async def _generate(state: TurnState, ports: TurnPorts) -> ModelReply:
    model = ports.model
    if model is None:
        raise InvalidRequest(NO_MODEL)

    async def on_text(text: str) -> None:
        await ports.sink.emit("model.text", {"text": text})

    wait = ports.budget.backoff_seconds
    for attempt in range(1, ports.budget.model_tries + 1):
        try:
            with tracer.start_as_current_span("model.generate") as span:
                span.set_attributes({"turn": state.id, "model": model.name, "attempt": attempt})
                tools = (*DECLARATIONS, RUN_ANALYSIS, *office_declarations(ports.office))
                reply = await model.generate(system_prompt(), state.history, on_text, tools)
                span.set_attributes({f"tokens.{k}": v for k, v in reply.tokens.items()})
                return reply
        except ModelUnavailable as error:
            if attempt == ports.budget.model_tries:
                raise
            pause = ports.budget.pause(wait, error.retry_after)
            facts = {"attempt": attempt, "wait_seconds": pause, "reason": error.reason}
            await ports.sink.emit("model.retrying", facts)
            await asyncio.sleep(pause)
            wait *= 2
    raise AssertionError("unreachable: the last try raises")


async def _take_reply(state: TurnState, ports: TurnPorts, reply: ModelReply) -> str | None:
    """Add *reply* to the history; return it if it is an answer, else set what is to be done."""
    state.answering, state.repairs_before = None, state.repairs
    # No database keeps a NUL in a text, and nobody can read one.
    reply = dataclasses.replace(reply, text=reply.text.replace("\0", "\ufffd"))
    if reply.text or reply.calls:  # an empty message in the history is rejected
        known = {"text": reply.text, "calls": [_call_facts(call) for call in reply.calls]}
        state.history.append({"role": "model", **known, "content": dict(reply.content)})
    facts = {"comment": reply.text.strip(), "tokens": dict(reply.tokens), "version": reply.version}
    if reply.calls:
        state.calls = [_call_facts(call) | {"problem": call.problem} for call in reply.calls]
        state.calls[0] |= facts
    elif reply.problem:
        _repair(state, reply.problem)
        _reply_to(state, {"status": "error", "error": reply.problem, **BAD_CALL})
    # Once a cell has run, a fenced block is part of the explanation, not a request to run.
    elif reply.fenced and not state.cells and not state.advice:
        await _set_pending(state, ports, {"code": reply.fenced}, facts)
    elif reply.text.strip():
        return reply.text.strip()
    else:
        _repair(state, "the model's reply was empty")
        nudge = "Your reply was empty. Call run_code, or answer in words."
        state.history.append({"role": "user", "texts": [nudge]})
    return None


async def _give(state: TurnState, ports: TurnPorts, answer: str) -> str | None:
    """Record *answer* and return it, marked; stop it once if the checks say otherwise."""
    found = await reviewed(answer, state, ports.runtime, ports.profiler)
    facts: dict[str, Any] = {"turn": state.id, "kind": "answer"}
    stopped = bool(found.contradicted) and not state.stopped
    if found.contradicted or found.unfound:
        facts["review"] = found.facts()
        await ports.sink.emit("answer.checked", {**found.facts(), "stopped": stopped})
    if stopped:
        state.stopped = True
        said = await _may_leave(objection(found), ports)
        state.history.append({"role": "user", "texts": [said]})
        return None
    given = await _with_stale(marked(answer, found), state, ports)
    await ports.runtime.recorder.note(given, facts)
    return given


def _call_facts(call: ToolCall) -> dict[str, Any]:
    return {"name": call.name, "id": call.id, "arguments": dict(call.arguments)}


async def _take_call(state: TurnState, ports: TurnPorts) -> None:
    """Do the next call of the last reply: run code, or let the model look something up."""
    call = state.calls.pop(0)
    state.answering = {"name": call["name"], "id": call["id"]}
    arguments = call["arguments"]
    problem = call["problem"]
    if call["name"] == RUN_CODE.name and not problem:
        problem = parameters_problem(arguments.get("parameters") or {})
    if state.repairs > state.repairs_before:
        _reply_to(state, {"status": "not-run", "error": "A call before this one failed."})
    elif state.advice and (call["name"] in WRITE_CODE or call["name"] in OFFICE_TOOLS):
        _repair(state, NOT_NOW)
        _reply_to(state, {"status": "not-run", "error": NOT_NOW})
    elif problem:
        _repair(state, problem)
        _reply_to(state, {"status": "error", "error": problem, **BAD_CALL})
    elif call["name"] == RUN_CODE.name:
        await _set_pending(state, ports, arguments, call)
    elif call["name"] == RUN_ANALYSIS.name:
        await _set_analysis(state, ports, call)
    else:
        await _call_tool(state, ports, ToolCall(call["name"], arguments))


async def _set_analysis(state: TurnState, ports: TurnPorts, call: Mapping[str, Any]) -> None:
    """Make the code of an analysis the next to run; tell the model if it can't be written."""
    runtime = ports.runtime
    live = runtime.live_session()
    reach = Reach(runtime.workspace, ports.profiler)
    asked = ToolCall(call["name"], call["arguments"])
    try:
        code = await analysis_code(asked, reach, await live.variables() if live else [])
    except (ToolFailed, ContainerError) as error:
        await _call_failed(state, asked, str(error), ports)
        return
    await _set_pending(state, ports, code, call)


async def _call_failed(state: TurnState, call: ToolCall, why: str, ports: TurnPorts) -> None:
    response = await _may_leave({"status": "error", "error": why}, ports)
    await ports.sink.emit("tool.called", called(call, "error"))
    state.steps += 1
    _repair(state, why)
    _reply_to(state, response)


async def _call_tool(state: TurnState, ports: TurnPorts, call: ToolCall) -> None:
    """Let the model look something up; it goes on with what it gets."""
    runtime = ports.runtime
    if call.name in OFFICE_TOOLS and (ports.office is not None and ports.office.pane() is not None):
        await _reply_from_office(state, await begin_office(state, call, ports), ports)
        return
    reach = Reach(
        runtime.workspace,
        ports.profiler,
        runtime.checkpoints,
        fetch=partial(fetch, network=runtime.network, approver=ports.approver),
    )
    response = await call_tool(call, reach)
    await ports.sink.emit("tool.called", called(call, response["status"]))
    state.steps += 1
    response = await _may_leave(response, ports)
    if response["status"] != "ok":
        _repair(state, response["error"])
    _reply_to(state, response)


async def _use_office(state: TurnState, pending: PendingOffice, ports: TurnPorts) -> None:
    response = await office_done(state, pending, ports)
    state.steps += 1
    await _reply_from_office(state, response, ports)
    await ports.save(state)


async def _reply_from_office(
    state: TurnState, response: dict[str, Any] | None, ports: TurnPorts
) -> None:
    """Give the model *response*; ``None``: there is more to be done for its call before."""
    if response is None:
        return
    if response["status"] != "ok":
        _repair(state, response["error"])
    _reply_to(state, await _may_leave(response, ports))


async def _set_pending(
    state: TurnState, ports: TurnPorts, arguments: Mapping[str, Any], reply: Mapping[str, Any]
) -> None:
    """Make the code of *arguments* the next to run.

    Args:
        state: Changed in place.
        ports: The interfaces it uses.
        arguments: ``code`` and perhaps ``parameters``.
        reply: ``comment``, ``tokens`` and ``version`` of the reply that it came with; only its
            first call has them.
    """
    tokens, parameters = dict(reply.get("tokens", {})), dict(arguments.get("parameters") or {})
    fenced, language = state.answering is None, arguments.get("language") or PYTHON
    state.pending = PendingCode(
        code=arguments["code"],
        parameters=parameters,
        fenced=fenced,
        tokens=tokens,
        version=reply.get("version"),
        language=language,
    )
    await ports.sink.emit(
        "code.generated",
        {
            "code": arguments["code"],
            **({} if language == PYTHON else {"language": language}),
            "parameters": parameters,
            "comment": "" if fenced else reply.get("comment", ""),
            "model": ports.model.name if ports.model else None,
            "tokens": tokens,
        },
    )


def _repair(state: TurnState, error: str) -> None:
    state.repairs += 1
    state.last_error = error


def _reply_to(state: TurnState, response: dict[str, Any]) -> None:
    """Add the result of the code to the history, in the form of the model's call."""
    message: Message
    if state.answering is not None:
        message = {"role": "tool", **state.answering, "response": response}
    else:
        text = "\n".join(f"{k}:\n{quoted_lines(str(v))}" for k, v in response.items())
        message = {"role": "user", "texts": ["What came of your code:\n" + text]}
    state.history.append(message)


# running code


async def _run_pending(state: TurnState, pending: PendingCode, ports: TurnPorts) -> None:
    earlier = await _ran_before(state, ports) if state.recovered else None
    if earlier is not None:
        await _take_execution(state, earlier, pending, ports)
        return
    admission = await admit(state, pending, ports)
    if admission.outcome is not None:
        _repair(state, admission.reason)
        _reply_to(state, {"status": admission.outcome, "error": admission.reason, **REFUSED})
        return
    python = pending.language == PYTHON
    failed = await _run_parameters(state, pending, ports) if python else None
    if failed is None:
        state.running = new_cell_id()
        await ports.save(state)
    execution = failed or await run_cell(
        pending.code,
        admission.provenance,
        ports.runtime,
        ports.sink,
        ports.hashes,
        cell_id=state.running,
        granted=admission.granted,
        language=pending.language,
    )
    await _take_execution(state, execution, pending, ports)


async def _ran_before(state: TurnState, ports: TurnPorts) -> Execution | None:
    """Return the pending code's execution if it started before a restart; await its end."""
    state.recovered = False  # only the first code of a recovered turn may have run
    recorded = await ran_before(state.id, ports.runtime, ports.sink, ports.hashes)
    # A turn with direct code has one cell; a model's turn has several, so compare the id.
    if recorded is None or (ports.model is not None and recorded[0] != state.running):
        return None
    return recorded[1]


async def _take_execution(
    state: TurnState, execution: Execution, pending: PendingCode, ports: TurnPorts
) -> None:
    runtime = ports.runtime
    state.steps += 1
    state.cells.append(execution.outcome)
    response: dict[str, Any] = {
        "status": execution.outcome,
        "output": render_output(execution.outputs),
    }
    outputs = [name for name in execution.files_after if not name.startswith(f"{INPUTS}/")]
    if outputs:
        response["files"] = outputs[:50]
    if checks := _checks(execution):
        response["checks"] = checks
    if execution.computed:
        response["computed"] = _computed(execution)
    if execution.outcome == "ok":
        last = last_cell(runtime)
        stale = await made_stale(runtime, execution.files_after, lambda cell: cell.id == last)
        if stale:
            response["stale"] = said(stale)
    if tied := said_to_model(execution.tie_out):
        response["tie_out"] = tied
    if note := runtime.take_state_note():
        response["state"] = note
    if execution.outcome == "ok" and state.pending is not None and state.pending.then is not None:
        failed = await write_in_excel(state, state.pending.then, ports)
        await _reply_from_office(state, failed and response | failed, ports)
        return
    if execution.outcome != "ok":
        response["error"] = execution.error_text or execution.outcome
        if pending.language == PYTHON:
            response |= await advice(execution, pending.code, runtime, ports.profiler)
        if execution.outcome == "died":
            response["state"] = ENDED
        _repair(state, response["error"])
    _reply_to(state, await _may_leave(response, ports))


def _checks(execution: Execution) -> dict[str, list[str]]:
    """Return the findings about the workbooks that the model's code wrote, for its reply."""
    return {
        name: [f"{each['message']} {each['hint']}" for each in findings[:MOST_FINDINGS]]
        for name, findings in execution.checks.items()
        if findings
    }


def _computed(execution: Execution) -> dict[str, dict[str, Any]]:
    """Return what the formulas of written workbooks give, for the model's reply."""
    return {
        name: {"summary": summary(each), "cells": each.get("cells", {})}
        for name, each in execution.computed.items()
    }


async def _run_parameters(
    state: TurnState, pending: PendingCode, ports: TurnPorts
) -> Execution | None:
    """Run the parameters cell if one is needed; return its execution only if it failed."""
    known = ports.runtime.recorder.parameters()
    if known is None:
        files = [f.name.removeprefix(f"{INPUTS}/") for f in ports.runtime.workspace.files(INPUTS)]
        source, tag = parameters_source(files, pending.parameters), "parameters"
    else:
        await _set_again(known, ports.runtime)
        changed = {k: v for k, v in pending.parameters.items() if k not in known or known[k] != v}
        if not changed:
            return None
        source, tag = turn_parameters_source(changed), "turn-parameters"
    provenance = Provenance(turn_id=state.id, request=state.request)
    execution = await run_cell(
        source, provenance, ports.runtime, ports.sink, ports.hashes, tags=(tag,)
    )
    return None if execution.outcome == "ok" else execution


async def _set_again(known: Mapping[str, Any], runtime: PathRuntime) -> None:
    """Set the notebook's existing parameters in a new kernel.

    This is not recorded: in a re-run the parameters cell sets them, with that run's values.
    """
    session = await runtime.session()
    if session.fresh:
        await session.execute(turn_parameters_source(known), _no_output, silent=True)


async def _no_output(output: Mapping[str, Any]) -> None:
    """Discard outputs; assignments have none."""


async def run_direct(
    state: TurnState, ports: TurnPorts, client: ClientRequest | None = None
) -> Execution:
    """Check and run code that a client sent; `state.request` is the code.

    Args:
        state: The turn.
        ports: The interfaces and limits it uses.
        client: The Jupyter client's own ``execute_request``, if there is one.

    Returns:
        The execution; its outcome is ``blocked`` or ``not-run`` when it was refused.
    """
    earlier = await _ran_before(state, ports) if state.recovered else None
    if earlier is not None:
        return earlier
    pending = state.pending or PendingCode(code=state.request)
    state.pending = pending
    admission = await admit(state, pending, ports)
    if admission.refusal is not None:
        return admission.refusal
    provenance = dataclasses.replace(admission.provenance, request="")
    return await run_cell(
        pending.code,
        provenance,
        ports.runtime,
        ports.sink,
        ports.hashes,
        cell_id=_cell_id(client, ports.runtime) if client is not None else None,
        client=client,
        granted=admission.granted,
        language=pending.language,
    )


def _cell_id(client: ClientRequest, runtime: PathRuntime) -> str | None:
    """Return the request's ``msg_id`` if it is a valid, unused cell id.

    A successor finds the running cell by the ``msg_id``.
    """
    message_id = str(client.message["header"]["msg_id"])
    fits = CELL_ID.fullmatch(message_id) and not runtime.recorder.knows(message_id)
    return message_id if fits else None
