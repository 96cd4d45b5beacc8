"""Attacks by indirect ways: what the risk check does not see, the kernel refuses."""

import pytest

from agent.permission.risk.assess import assess
from container.kernel.session import KernelSession
from container.limits import Limits
from container.workspace.workspace import Workspace
from tests.agent.risk_cells import cells_in

ATTACKS = cells_in("attacks")
REACHED = "outputs/reached"
SAID = ("CONNECTED", "NATIVE-OK", "READ-OK")
CELLS_OF_A_KERNEL = 40


class Target:
    """Kernels with the audit hook, one after the other: an attack may end or spoil its own."""

    def __init__(self, directory):
        self.directory, self.session, self.cells = directory, None, 0

    async def attack(self, code):
        """Run *code*; return what it reached, if anything."""
        if self.session is None or not self.session.alive or self.cells % CELLS_OF_A_KERNEL == 0:
            await self.aclose()
            self.workspace = Workspace.create(self.directory / str(self.cells))
            self.session = KernelSession(self.workspace, Limits(seconds=20))
            await self.session.start()
        self.cells += 1
        printed = []

        async def keep(output):
            printed.append(output.get("text", ""))

        await self.session.execute(code, keep)
        marker = self.workspace.directory / REACHED
        lines = "".join(printed).splitlines()
        reached = marker.exists() or any(line.startswith(SAID) for line in lines)
        marker.unlink(missing_ok=True)
        return reached

    async def aclose(self):
        if self.session is not None:
            await self.session.aclose()


@pytest.fixture
async def target(tmp_path):
    target = Target(tmp_path)
    yield target
    await target.aclose()


async def test_an_attack_that_counts_as_low_risk_reaches_nothing(target):
    unseen = {title: code for title, code in ATTACKS.items() if assess(code).tier == "low"}

    reached = [title for title, code in unseen.items() if await target.attack(code)]

    assert len(ATTACKS) >= 150
    assert reached == []


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_code_that_gets_past_the_risk_check_starts_no_process(target):
    """Every attack is run, as if nothing had been found in it."""
    starting = {
        title: code for title, code in ATTACKS.items() if title.startswith(("a ", "b ", "c ", "d "))
    }

    reached = [title for title, code in starting.items() if await target.attack(code)]

    assert len(starting) > 300
    assert reached == []
