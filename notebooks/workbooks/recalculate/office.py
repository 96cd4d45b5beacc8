"""LibreOffice without a screen, in a sandbox: started ahead, it converts one file.

Its profile lies in the sandbox's own /tmp: no macro runs, no link is updated, every formula is
computed when a file is opened.

Sources: LibreOffice's start-up parameters and configuration schemas (officecfg/registry/schema).
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import signal
import subprocess
import tempfile
import time
from pathlib import Path

PROGRAMS = Path("/usr/lib/libreoffice/program"), Path("/opt/libreoffice/program")
STARTS = 3
_SETTINGS = (
    ("Office.Calc/Formula/Load", "OOXMLRecalcMode", "1"),
    ("Office.Calc/Content/Update", "Link", "2"),
    ("Office.Common/Security/Scripting", "DisableMacrosExecution", "true"),
    ("Office.Common/Security/Scripting", "MacroSecurityLevel", "3"),
    ("Office.Common/Misc", "FirstRun", "false"),
    ("Office.Common/Save/Document", "GenerateThumbnail", "false"),
    ("Setup/L10N", "ooSetupSystemLocale", "en-US"),
    ("Setup/Office", "ooSetupInstCompleted", "true"),
)


class OfficeFailed(Exception):
    """LibreOffice is missing, or gave no file; the text says which."""


def launcher() -> Path | None:
    """Return LibreOffice's launcher on this system; ``None`` without one."""
    found = (directory / "oosplash" for directory in PROGRAMS)
    return next((program for program in found if program.exists()), None)


@functools.cache
def version() -> tuple[int, int]:
    """Return LibreOffice's version, such as (7, 4); (0, 0) if it does not say."""
    if (program := launcher()) is None:
        return 0, 0
    said = subprocess.run(
        [str(program), "--version"], capture_output=True, text=True, check=False, timeout=20
    )
    found = re.search(r"LibreOffice (\d+)\.(\d+)", said.stdout)
    return (int(found[1]), int(found[2])) if found else (0, 0)


class Office:
    """One LibreOffice, started at once; it ends with its first conversion."""

    def __init__(self) -> None:
        """Start it; it is ready a moment later.

        Raises:
            OfficeFailed: It is not installed.
        """
        program = launcher()
        if program is None:
            raise OfficeFailed("LibreOffice is not installed")
        self._directory = Path(tempfile.mkdtemp(prefix="office-"))
        profile = self._directory / "profile"
        (profile / "user").mkdir(parents=True)
        (profile / "user" / "registrymodifications.xcu").write_text(_settings())
        options = "--headless", "--norestore", "--nologo", "--nodefault", "--nolockcheck"
        self._argv = [str(program), f"-env:UserInstallation={profile.as_uri()}", *options]
        self._environment = os.environ | {"SAL_USE_VCLPLUGIN": "svp", "LC_ALL": "C.UTF-8"}
        self._server = self._start([])

    def _start(self, arguments: list[str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*self._argv, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=self._environment,
            cwd=self._directory,
            start_new_session=True,
        )

    def to_ods(self, workbook: bytes, seconds: float) -> bytes:
        """Return *workbook*, computed, as an OpenDocument spreadsheet.

        Raises:
            OfficeFailed: It gave none within *seconds*.
        """
        return self.convert(workbook, seconds, suffix=".xlsx", reader="", to="ods")

    def convert(
        self, workbook: bytes, seconds: float, *, suffix: str, reader: str, to: str
    ) -> bytes:
        """Return *workbook* as a file of another kind.

        Args:
            workbook: Its content.
            seconds: How long it may take.
            suffix: Its ending, such as ``.xls``.
            reader: The name of LibreOffice's filter that reads it; empty: it finds out itself.
            to: The ending of the other kind, such as ``ods``.

        Raises:
            OfficeFailed: It gave none within *seconds*.
        """
        source = self._directory / f"copy{suffix}"
        chosen = [f"--infilter={reader}"] if reader else []
        source.write_bytes(workbook)
        end = time.monotonic() + seconds
        # A running one may have died meanwhile; a damaged file is not tried again.
        for attempt in range(1 if reader else STARTS):
            into = self._directory / f"computed-{attempt}"
            client = self._start([*chosen, "--convert-to", to, "--outdir", str(into), str(source)])
            try:
                client.wait(max(0.0, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                _end(client)
                raise OfficeFailed(f"LibreOffice took longer than {seconds:g} s") from None
            if (made := into / f"copy.{to}").exists():
                return made.read_bytes()
        raise OfficeFailed("LibreOffice could not open the workbook")

    def close(self) -> None:
        """End it."""
        _end(self._server)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a launcher and the program that it started: that one would use processor and memory."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _settings() -> str:
    """Return the profile's settings."""
    items = (
        f'<item oor:path="/org.openoffice.{path}"><prop oor:name="{name}" oor:op="fuse">'
        f"<value>{value}</value></prop></item>"
        for path, name, value in _SETTINGS
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><oor:items '
        'xmlns:oor="http://openoffice.org/2001/registry">' + "".join(items) + "</oor:items>"
    )
