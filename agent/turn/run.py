"""A turn's loop: gather context, get code, check it, ask, run, repair, answer."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from typing import Any

from opentelemetry import trace

from agent.budget import TurnBudget
from agent.cells.staleness import all_stale, cells_of_turn, made_stale, said
from agent.checks.answer import marked, objection
from agent.context.context import TurnContext, context_facts, opening, read_profiles
from agent.errors import InvalidRequest, ModelReplyBroken, ModelUnavailable, TurnBudgetSpent
from agent.memory.compaction import remember
from agent.memory.history import entries_of, profiles_seen, unanswered, with_endings
from agent.modes import FOR_THE_MODEL
from agent.permission.admission import TurnPorts
from agent.ports import ModelReply, PathRuntime
from agent.prompts.render import prompt_version, system_prompt
from agent.repair.advice import BAD_CALL
from agent.retrieval.hits import find_hits
from agent.route import route_text
from agent.tools.analysis.call import RUN_ANALYSIS
from agent.tools.office.call import office_declarations
from agent.tools.registry import DECLARATIONS
from agent.turn.answering import reviewed
from agent.turn.calls import call_facts, set_pending, take_call
from agent.turn.cells import run_pending
from agent.turn.learning import learn, learned_before
from agent.turn.messages import may_leave, repair, reply_to
from agent.turn.office import route_of, use_office_step
from agent.turn_state import TurnState

tracer = trace.get_tracer("tallybook")
NO_MODEL = (
    "No language model is set up. Set GEMINI_API_KEY, or name a service with OpenAI's API "
    "(TALLYBOOK_MODEL_PROTOCOL=openai), or send code."
)


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
                await use_office_step(state, state.office, ports)
            elif state.pending is None and not state.calls:
                reply = await _generate(state, ports)
                answer = await _take_reply(state, ports, reply)
                if answer and (given := await _give(state, ports, answer)):
                    return given
            if state.pending is None and state.office is None and state.calls:
                await take_call(state, ports)
            if state.pending is not None:
                await run_pending(state, state.pending, ports)
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


ADVICE = (
    "This request is for advice: answer it in words. No code is run for it; code that you show is "
    "for the user to read."
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
    learned = await learned_before(state, profiles, ports)
    context = TurnContext(
        profiles=profiles,
        other_files=other,
        variables=variables,
        hits=await find_hits(state.request, ports.past, profiles, variables),
        seen=profiles_seen(past),
        memory=remember(past, ports.budget.memory_tokens),
        kernel_is_new=live is None or live.fresh,
        state_note="" if state.advice else runtime.take_state_note(),
        mode=ADVICE if state.advice else FOR_THE_MODEL[(await ports.modes.current()).name],
        stale=said(await all_stale(runtime, await ports.hashes.current(runtime.workspace))),
        learned=learned.texts,
        learned_facts=learned.facts,
    )
    await ports.sink.emit("context.used", context_facts(context, state.request))
    route = route_of(state.request, profiles, ports)
    await ports.sink.emit("route.chosen", dataclasses.asdict(route))
    facts = {"turn": state.id, "kind": "request", "user": ports.user, "prompt": prompt_version()}
    await runtime.recorder.note(state.request, {**facts, "profiles": context.digests})
    known, request = opening(context, state.request)
    if ports.office is not None and ports.office.pane() is not None:
        known = "\n\n".join(filter(None, (known, route_text(route))))
    known = await may_leave(known, ports)  # the user's own words go as they are
    state.history.append({"role": "user", "texts": [known, request]})


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
        except (ModelUnavailable, ModelReplyBroken) as error:
            if attempt == ports.budget.model_tries:
                raise
            asked = error.retry_after if isinstance(error, ModelUnavailable) else None
            pause = ports.budget.pause(wait, asked)
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
        known = {"text": reply.text, "calls": [call_facts(call) for call in reply.calls]}
        state.history.append({"role": "model", **known, "content": dict(reply.content)})
    facts = {"comment": reply.text.strip(), "tokens": dict(reply.tokens), "version": reply.version}
    if reply.calls:
        state.calls = [call_facts(call) | {"problem": call.problem} for call in reply.calls]
        state.calls[0] |= facts
    elif reply.problem:
        repair(state, reply.problem)
        reply_to(state, {"status": "error", "error": reply.problem, **BAD_CALL})
    # Once a cell has run, a fenced block is part of the explanation, not a request to run.
    elif reply.fenced and not state.cells and not state.advice:
        await set_pending(state, ports, {"code": reply.fenced}, facts)
    elif reply.text.strip():
        return reply.text.strip()
    else:
        repair(state, "the model's reply was empty")
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
        said = await may_leave(objection(found), ports)
        state.history.append({"role": "user", "texts": [said]})
        return None
    given = await _with_stale(marked(answer, found), state, ports)
    await ports.runtime.recorder.note(given, facts)
    await learn(state, ports)
    return given
