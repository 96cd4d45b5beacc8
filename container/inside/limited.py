"""Run a command under resource limits: ``limited.py RLIMITS_JSON COMMAND…``."""

from __future__ import annotations

import json
import os
import sys


def main() -> None:
    """Set the limits, then become the command."""
    # "inside" is this package's name in the kernel.
    from inside import confine  # type: ignore[import-not-found]

    confine.schedule_normally()
    confine.apply_rlimits(json.loads(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606 (the kernelspec's own command)


if __name__ == "__main__":
    main()
