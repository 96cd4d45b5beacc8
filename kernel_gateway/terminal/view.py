"""Renders events for a terminal."""

from __future__ import annotations

import re
from typing import Any

from rich.console import Console
from rich.markdown import Markdown
from rich.markup import escape
from rich.panel import Panel
from rich.status import Status
from rich.syntax import Syntax
from rich.text import Text

from notebooks.record.terminal_lines import last_states

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|.)")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
STATUS_STYLE = {"ok": "green", "error": "red", "blocked": "red", "died": "red"}


def plain(text: Any) -> str:
    """Return *text* without terminal control sequences: outputs are not trusted."""
    joined = "".join(text) if isinstance(text, list) else str(text)
    whole = joined.encode("utf-8", "replace").decode()  # lone surrogates can't be printed
    return _CONTROL.sub("", _ANSI.sub("", whole))


REDRAWN = 100
"""Characters shown of a line that is redrawn."""
TIED_STYLE = {"tied-out": "green", "suspicious": "yellow", "not-tied-out": "dim"}


class TerminalView:
    """Shows a path's events on *console*, with a spinner between them."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._status: Status | None = None
        self._writing = ""
        self._code = ""

    def busy(self, what: str) -> None:
        """Show a spinner with *what*."""
        if self._status is None:
            self._status = self.console.status(what)
            self._status.start()
        else:
            self._status.update(what)

    def idle(self) -> None:
        """Remove the spinner."""
        if self._status is not None:
            self._status.stop()
            self._status = None

    def show(self, event: dict[str, Any]) -> None:
        """Show one event."""
        handler = getattr(self, "_show_" + event["kind"].replace(".", "_"), None)
        if handler is not None:
            handler(event["data"])

    def _line(self, text: str, style: str = "dim") -> None:
        self.console.print(Text(plain(text), style=style))

    def _show_turn_started(self, data: dict[str, Any]) -> None:
        self.busy("Reading the workbooks …")

    def _show_context_used(self, data: dict[str, Any]) -> None:
        for book in data["workbooks"]:
            if problem := book.get("problem"):
                self._line(f"  {book['file']}: {problem['message']} {problem['hint']}", "yellow")
                continue
            sheets = ", ".join(
                f"{sheet['name']} (header in row {sheet['header_row']}, {sheet['rows']} rows)"
                for sheet in book["sheets"]
                if sheet["header_row"]
            )
            self._line(f"  {book['file']}: {sheets}")
        history = data["history"]
        if remembered := history["whole"] + history["shortened"] + history["digests"]:
            self._line(f"  remembered: {remembered} earlier requests and cells")
        if data["variables"]:
            self._line("  variables: " + ", ".join(data["variables"]))
        self.busy("Writing code …")

    def _show_model_text(self, data: dict[str, Any]) -> None:
        # Only shows progress: a later event has the full text.
        self._writing = " ".join((self._writing + plain(data["text"])).split())[-60:]
        self.busy(f"Writing … {escape(self._writing)}")

    def _show_context_waiting(self, data: dict[str, Any]) -> None:
        self.busy(f"Waiting in line for a kernel ({data['ahead']} ahead): {data['reason']} …")

    def _show_model_retrying(self, data: dict[str, Any]) -> None:
        wait = f"asking again in {data['wait_seconds']:g} s"
        self._line(f"  the model is not available ({data['reason']}); {wait}", "yellow")

    def _show_tool_called(self, data: dict[str, Any]) -> None:
        given = ", ".join(f"{name}={value!r}" for name, value in data["arguments"].items())
        self._line(f"  looked up: {plain(data['name'])}({plain(given)})", "dim")

    def _show_output_redacted(self, data: dict[str, Any]) -> None:
        words = {"redact": "taken out", "block": "withheld", "warn": "sent on"}
        for found in data["findings"]:
            what = f"{found['count']} {found['kind']} ({found['rule']})"
            self._line(
                f"  towards the {data['towards']}: {what} {words[found['action']]}", "yellow"
            )

    def _show_answer_checked(self, data: dict[str, Any]) -> None:
        for pair in data["contradicted"] if data["stopped"] else ():
            self._line(f"  the answer was stopped: {pair['fact']}", "yellow")

    def _show_code_generated(self, data: dict[str, Any]) -> None:
        self._writing, self._code = "", data["code"]
        if data["comment"]:
            self.console.print(Text(plain(data["comment"])))
        code = Syntax(plain(data["code"]), "python", word_wrap=True, background_color="default")
        self.console.print(Panel(code, title="code", border_style="blue"))

    def _show_risk_assessed(self, data: dict[str, Any]) -> None:
        style = {"low": "green", "medium": "yellow", "high": "red"}[data["risk"]]
        self._line(f"  risk: {data['risk']}", style)
        for finding in data["findings"]:
            self._line(f"    line {finding['line']}: {finding['reason']}", style)
        if data["syntax_error"]:
            self._line(f"    {data['syntax_error']}", "red")

    def _show_cell_started(self, data: dict[str, Any]) -> None:
        if data["tags"]:
            self._line("  " + "; ".join(data["code"].splitlines()[1:]))
        self.busy("Running …")

    def _show_cell_output(self, data: dict[str, Any]) -> None:
        output = data["output"]
        kind = output["output_type"]
        if data.get("late"):
            self._line("  late output of an earlier cell:")
        if kind == "stream":
            self._show_printed(output["name"], str(output["text"]))
        elif kind == "error":
            self._line(f"{output['ename']}: {output['evalue']}", "red")
        elif kind in ("execute_result", "display_data", "update_display_data"):
            mimes = output["data"]
            image = next((mime for mime in mimes if mime.startswith("image/")), None)
            shown = f"[{image}: in the notebook]" if image else mimes.get("text/plain", "")
            self.console.print(Text(plain(shown)))

    def _show_printed(self, name: str, text: str) -> None:
        state = plain(last_states(text))
        if "\r" in text and "\n" not in text:  # a line that is still redrawn, as a progress bar
            self.busy(escape(state.strip()[:REDRAWN]) or "Running …")
        else:
            self.console.print(Text(state.rstrip("\n"), style="red" if name == "stderr" else ""))

    def _show_cell_checking(self, data: dict[str, Any]) -> None:
        names = ", ".join(plain(name) for name in data["names"][:3])
        more = f" and {len(data['names']) - 3} more" if len(data["names"]) > 3 else ""
        what = "Computing the formulas of" if data["step"] == "formulas" else "Checking"
        self.busy(escape(f"{what} {names}{more} …"))

    def _show_cell_finished(self, data: dict[str, Any]) -> None:
        style = STATUS_STYLE.get(data["status"], "yellow")
        seconds = data.get("seconds") or 0.0
        self._line(f"  cell {data['status']} in {seconds:.2f} s", style)
        if data.get("error"):
            self._line(f"    {data['error']['message']}", style)
        self.busy("Thinking …")

    def _show_file_created(self, data: dict[str, Any]) -> None:
        self._line(f"  file: {data['name']} ({data['size'] / 1000:.1f} kB)", "cyan")

    def _show_workbook_checked(self, data: dict[str, Any]) -> None:
        if computed := data.get("computed"):
            self._line(f"  formulas: {data['name']}: {computed['message']}", "cyan")
        for finding in data["findings"]:
            self._line(f"  check: {data['name']}: {finding['message']}", "yellow")
        if not data["findings"]:
            self._line(f"  check: {data['name']}: nothing wrong", "green")

    def _show_result_checked(self, data: dict[str, Any]) -> None:
        self._line(f"  tie-out: {data['line']}", TIED_STYLE[data["status"]])
        for finding in data["findings"]:
            self._line(f"    {finding['message']}", "yellow")

    def _show_cell_stale(self, data: dict[str, Any]) -> None:
        self._line(f"  stale: {data['reason']}", "yellow")

    def _show_checkpoint_created(self, data: dict[str, Any]) -> None:
        for file in data["not_kept"]:
            text = f"  no way back for {file['name']} ({file['size'] / 1000:.1f} kB)"
            self._line(f"{text}: {file['reason']}", "yellow")

    def _show_checkpoint_skipped(self, data: dict[str, Any]) -> None:
        self._line(f"  {data['message']}", "yellow")

    def _show_history_restored(self, data: dict[str, Any]) -> None:
        self._line(f"  undone by {data['user']}: {data['what']}", "yellow")

    def _show_permission_required(self, data: dict[str, Any]) -> None:
        self.idle()
        if data.get("mode") and data["preview"] != self._code:
            self.console.print(Panel(Text(plain(data["preview"])), title="what waits"))
        for step in data.get("plan", ()):
            if step["code"] not in ("", self._code):
                code = Syntax(plain(step["code"]), "python", background_color="default")
                self.console.print(Panel(code, title=f"step {step['number']}"))
        self.console.print(Panel(plain(data["explanation"]), title="permission", style="yellow"))

    def _show_mode_changed(self, data: dict[str, Any]) -> None:
        why = {"set": "", "ended": ": its time is over", "spent": ": its cells are spent"}
        self._line(f"  mode: {data['mode']['name']}{why[data['why']]}", "yellow")

    def _show_plan_made(self, data: dict[str, Any]) -> None:
        for step in data["steps"]:
            self._line(f"  {step['number']}. {step['title']}", "cyan")

    def _show_plan_step(self, data: dict[str, Any]) -> None:
        text = f"  step {data['number']} {data['status']} ({data['done']} of {data['of']} done)"
        self._line(f"{text}: {data['title']}", "cyan")

    def _show_network_called(self, data: dict[str, Any]) -> None:
        what = f"  network: {data['method']} {data['url']}"
        if data["status"] is None:
            self._line(f"{what}: {data['problem']}", "red")
        else:
            size = f"{data['response_bytes'] / 1000:.1f} kB"
            self._line(f"{what}: {data['status']}, {size}", "cyan")

    def _show_permission_decided(self, data: dict[str, Any]) -> None:
        self._line(f"  permission: {data['decision']}", "yellow")

    def _show_error(self, data: dict[str, Any]) -> None:
        self.idle()
        error = data["error"]
        self._line(f"{error['message']} {error['hint']}", "red")

    def _show_turn_finished(self, data: dict[str, Any]) -> None:
        self._writing = ""
        self.idle()
        if answer := data.get("answer"):
            self.console.print(Panel(Markdown(plain(answer)), border_style="green"))
        elif data["status"] == "cancelled":
            self._line("Cancelled. Variables, files and the notebook are kept.", "yellow")
