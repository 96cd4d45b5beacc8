"""The recorded conversation: what is asked, about which workbooks, and where the replies are."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).resolve().parent
# In a wheel the examples are inside the package, in a checkout beside it.
EXAMPLES = next((d for d in (_HERE / "examples", _HERE.parent / "examples") if d.is_dir()), None)
"""Directory of the example workbooks; ``None`` where they are not installed."""

REPLIES = "stack_sales.json"
"""The transcript with the model's replies, in `agent.standin.transcript.TRANSCRIPTS`."""

REQUESTS = (
    "Stack these 3 workbooks and keep rows where Sales > 1000",
    "now a pivot of Sales by Region and Quarter, and a chart",
    "and how many rows did the filter leave out?",  # only the conversation's memory has this
)
