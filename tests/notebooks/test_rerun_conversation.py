"""What the service recorded is reproduced as it is, and exported without what was refused."""

import ast

from notebooks.export.formats import EXPORTS
from tests.notebooks.records import rerun


async def test_a_recorded_conversation_is_reproduced_with_its_refusals_and_its_long_output(
    start_gateway,
):
    conversation = await (await start_gateway()).conversation()
    for code in (
        "import sys\nfor n in range(3): print(n); sys.stdout.flush()",
        "for n in range(200_000): print(n / 7)",
        "import os\nos.system('id')",
        "raise ValueError(0.1 + 0.2)",
        "import pandas as pd\nframe = pd.DataFrame({'a': [0.1 + 0.2, 1 / 3]})\nframe",
        "frame.to_excel('outputs/frame.xlsx')\nframe.to_csv('outputs/frame.csv')",
        "%matplotlib inline\nframe.plot()",
    ):
        await conversation.execute(code)

    report = await rerun(conversation.notebook)
    script = EXPORTS["py"](conversation.notebook).decode()

    assert report.verdict == "reproduced", report.items
    assert [file.name for file in report.files] == ["outputs/frame.csv", "outputs/frame.xlsx"]
    assert "was blocked and did not run: Line" in script
    calls = [node for node in ast.walk(ast.parse(script)) if isinstance(node, ast.Attribute)]
    assert "system" not in {node.attr for node in calls}
