"""The calls of a model's reply: code to run, things to look up, work in Excel."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from agent.models.calls import RUN_CODE
from agent.parameters import parameters_problem
from agent.permission.admission import TurnPorts
from agent.permission.fetch import fetch
from agent.ports import ToolCall
from agent.repair.advice import BAD_CALL
from agent.tools.analysis.call import RUN_ANALYSIS, analysis_code, explained
from agent.tools.fetch_url import NAME as FETCH
from agent.tools.office.catalog import OFFICE_TOOLS
from agent.tools.plan import PLANNING
from agent.tools.registry import call_tool, called
from agent.tools.tool import Reach, ToolFailed
from agent.turn.learning import prefer
from agent.turn.messages import may_leave, repair, reply_to
from agent.turn.office import begin_office, reply_from_office
from agent.turn.planning import TurnPlan, step_of
from agent.turn_state import PendingCode, TurnState
from container.errors import ContainerError
from container.kernel.languages import PYTHON

WRITE_CODE = (RUN_CODE.name, RUN_ANALYSIS.name)
NOT_NOW = "This request is for advice: no code is run for it. Answer in words."


async def take_call(state: TurnState, ports: TurnPorts) -> None:
    """Do the next call of the last reply: run code, or let the model look something up."""
    call = state.calls.pop(0)
    state.answering = {"name": call["name"], "id": call["id"]}
    arguments = call["arguments"]
    problem = call["problem"]
    if call["name"] == RUN_CODE.name and not problem:
        problem = parameters_problem(arguments.get("parameters") or {})
    if state.repairs > state.repairs_before:
        reply_to(state, {"status": "not-run", "error": "A call before this one failed."})
    elif state.advice and (call["name"] in WRITE_CODE or call["name"] in OFFICE_TOOLS):
        repair(state, NOT_NOW)
        reply_to(state, {"status": "not-run", "error": NOT_NOW})
    elif problem:
        repair(state, problem)
        reply_to(state, {"status": "error", "error": problem, **BAD_CALL})
    elif call["name"] == RUN_CODE.name:
        await set_pending(state, ports, arguments, call)
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
    if takes := explained(asked):
        await ports.sink.emit("tool.called", called(asked, "ok"))
        state.steps += 1
        reply_to(state, {"status": "ok", "result": takes})
        return
    try:
        code = await analysis_code(asked, reach, await live.variables() if live else [])
    except (ToolFailed, ContainerError) as error:
        await _call_failed(state, asked, str(error), ports)
        return
    await set_pending(state, ports, code, call)


async def _call_failed(state: TurnState, call: ToolCall, why: str, ports: TurnPorts) -> None:
    response = await may_leave({"status": "error", "error": why}, ports)
    await ports.sink.emit("tool.called", called(call, "error"))
    state.steps += 1
    repair(state, why)
    reply_to(state, response)


async def _call_tool(state: TurnState, ports: TurnPorts, call: ToolCall) -> None:
    """Let the model look something up; it goes on with what it gets."""
    runtime = ports.runtime
    if call.name in OFFICE_TOOLS and (ports.office is not None and ports.office.pane() is not None):
        await reply_from_office(state, await begin_office(state, call, ports), ports)
        return
    reach = Reach(
        runtime.workspace,
        ports.profiler,
        runtime.checkpoints,
        fetch=partial(fetch, network=runtime.network, approver=ports.approver),
        planning=TurnPlan(state, ports),
        prefer=partial(prefer, state=state, ports=ports),
    )
    if call.name == FETCH:
        await ports.modes.begin_cell()  # it counts as one, for the limits of an autonomous mode
    response = await call_tool(call, reach)
    if call.name not in PLANNING or response["status"] != "ok":  # else it has its own events
        await ports.sink.emit("tool.called", called(call, response["status"]))
    state.steps += 1
    response = await may_leave(response, ports)
    if response["status"] != "ok":
        repair(state, response["error"])
    reply_to(state, response)


def call_facts(call: ToolCall) -> dict[str, Any]:
    """Return *call* as the turn's state has it."""
    return {"name": call.name, "id": call.id, "arguments": dict(call.arguments)}


async def set_pending(
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
        step=step_of(state, arguments["code"], parameters, arguments.get("step")),
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
