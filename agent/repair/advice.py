"""What goes to the model beside a failed cell's error."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from agent.context.context import read_profiles
from agent.context.profiler import Profile, Profiler
from agent.ports import PathRuntime
from agent.repair.failure import failure_of
from agent.repair.hints import Known, hint
from container.errors import ContainerError
from container.limits import Limits
from notebooks.record.cells import Execution

REFUSED = {
    "kind": "forbidden",
    "hint": "Reach the goal in another way: pandas, openpyxl and pathlib on files in inputs/ and "
    "outputs/ need no permission. If there is no other way, say in your answer what can't be done.",
}
UNREADABLE = {
    "kind": "syntax",
    "hint": "Nothing ran, also of the lines before it. Mend the code and send all of it again, as "
    "plain source without a fence around it.",
}
BAD_CALL = {
    "kind": "model-fault",
    "hint": "Call run_code with `code`, the Python source of one cell as a text, and `parameters`, "
    "if any, as an object of plain values.",
}


async def advice(
    execution: Execution, code: str, runtime: PathRuntime, profiler: Profiler
) -> Mapping[str, str]:
    """Return ``kind`` and ``hint`` for a failed cell; nothing if it ended well.

    Args:
        execution: How it ended.
        code: Its source.
        runtime: The path's kernel and files.
        profiler: Has the profiles of the files, which were read when the request began.
    """
    failure = failure_of(execution)
    if failure is None:
        return {}
    live = runtime.live_session()
    variables: list[dict[str, Any]] = []
    profiles: dict[str, Profile] = {}
    other: dict[str, str] = {}
    # Without them the hint only says less.
    with contextlib.suppress(ContainerError):
        variables = await live.variables() if live else []
        profiles, other = await read_profiles(runtime.workspace, profiler)
    known = Known(
        code=code,
        variables=variables,
        profiles=profiles,
        files=[*profiles, *other],
        limits=live.limits if live else Limits(),
    )
    found = hint(failure, known)
    return {"kind": failure.kind, **({"hint": found} if found else {})}
