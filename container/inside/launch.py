"""Start one IPython kernel inside a sandbox, without a zygote: limits, kernel, defaults.

The connection file has paths inside the sandbox; it is read, never written.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path


def main() -> None:
    """Run a kernel: ``launch.py RLIMITS_JSON CONNECTION_FILE audited|unaudited``."""
    # "inside" is this package's name in the kernel.
    from inside import confine, kernel_app  # type: ignore[import-not-found]

    confine.schedule_normally()
    confine.apply_rlimits(json.loads(sys.argv[1]))
    Path(os.environ["MPLCONFIGDIR"]).mkdir(parents=True, exist_ok=True)
    app = kernel_app.build()
    connection = json.loads(Path(sys.argv[2]).read_text())
    kernel_app.connect(app, connection, audited=sys.argv[3] == "audited")
    app.start()


if __name__ == "__main__":
    main()
