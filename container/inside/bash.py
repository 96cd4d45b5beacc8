"""Start a Bash kernel inside a sandbox: ``bash.py CONNECTION_FILE``.

bash_kernel's own launcher would open a network socket, which seccomp denies here.
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
    from inside import confine, kernel_app  # type: ignore[import-not-found]

    app = kernel_app.application_class().instance(kernel_class=BashKernel)
    # Bash starts in the workspace; it reads no configuration from its working directory.
    os.chdir(confine.WORKSPACE)
    app.initialize([])
    connection = json.loads(Path(sys.argv[1]).read_text())
    kernel_app.connect(app, connection, audited=False)  # a shell is there to start programs
    app.start()


if __name__ == "__main__":
    main()
