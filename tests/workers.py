"""Which tests run in the same worker process."""

from __future__ import annotations

import re

from xdist.scheduler import LoadScopeScheduling

ON_DOCKER = re.compile(r"[\[-]docker[\]-]")


class ByFileOrEngine(LoadScopeScheduling):
    """Whole files go to a worker, and all tests of the Docker backend to one.

    One Docker Engine only can use its data directory, and each worker starts its own.
    """

    def _split_scope(self, nodeid: str) -> str:
        return "docker" if ON_DOCKER.search(nodeid) else nodeid.partition("::")[0]
