"""Start a Bash kernel inside a sandbox: ``bash.py CONNECTION_FILE``.

bash_kernel's own starter would open a network socket, which nothing in here can.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path


def main() -> None:
    """Run the kernel."""
    from bash_kernel.kernel import BashKernel

    # "inside" is this package's name in the kernel.
    from inside import kernel_app  # type: ignore[import-not-found]

    os.chdir("/workspace")
    app = kernel_app.application_class().instance(kernel_class=BashKernel)
    app.initialize([])
    kernel_app.connect(app, json.loads(Path(sys.argv[1]).read_text()))
    app.start()


if __name__ == "__main__":
    main()
