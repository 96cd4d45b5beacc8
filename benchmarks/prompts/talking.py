"""Tasks that need what was said before, or no code at all."""

from __future__ import annotations

from benchmarks.prompts.checks import mentions, ran, says
from benchmarks.prompts.tables import saved
from benchmarks.prompts.task import (
    USE_RECIPE,
    Step,
    Task,
    answer,
    call,
    code,
    one,
    printed,
    recipe,
    rule,
)

FROM_MEMORY = rule('"The second one" or "that total" means something there')
STORES = [("Lima", 120.5), ("Oslo", 340.25), ("Pune", 99.0), ("Riga", 410.0)]
SHOPS = Step(
    request="Rank the stores of shops.xlsx by sales and name the best.",
    files=lambda d: [saved(d / "shops.xlsx", [["Store", "Sales"], *(STORES * 3)])],
    replies=(
        code(
            "⟦recipe⟧",
            'ranked = frame.groupby("Store")["Sales"].sum().sort_values(ascending=False)',
            "print(ranked.to_string())",
            knows=(USE_RECIPE, recipe("shops.xlsx")),
        ),
        answer("The best is Riga with ⟦value⟧.", r"^Riga +(?P<value>[\d.]+)$"),
    ),
    right=(says(1230),),
)
SECOND = Task(
    name="a follow-up that only memory can answer",
    steps=(
        SHOPS,
        Step(
            request="And the second one?",
            replies=(
                answer("The second is Oslo with ⟦value⟧.", FROM_MEMORY, r"Oslo +(?P<value>[\d.]+)"),
            ),
            right=(says(1020.75), mentions("Oslo"), ran(cells=False)),
        ),
    ),
)
LIVE = Task(
    name="a follow-up on a live variable",
    steps=(
        Step(
            request="Read trips.xlsx and tell me its total of Km.",
            files=lambda d: [
                saved(d / "trips.xlsx", [["Car", "Km"], *((f"C{n % 4}", n) for n in range(1, 33))])
            ],
            replies=(
                code(
                    "⟦recipe⟧",
                    "trips = frame",
                    'print("km", trips["Km"].sum())',
                    knows=(USE_RECIPE, recipe("trips.xlsx")),
                ),
                answer("The total is ⟦value⟧ km.", printed("km")),
            ),
            right=(says(528),),
        ),
        Step(
            request="How many of these are car C1's?",
            replies=(
                code(
                    'print("c1", ⟦name⟧.loc[⟦name⟧["Car"] == "C1", "Km"].sum())',
                    knows=(
                        rule("reuse them instead of reading files again"),
                        r"^ *(?P<name>trips): DataFrame",
                    ),
                ),
                answer("Car C1 drove ⟦value⟧ km.", printed("c1")),
            ),
            right=(says(sum(n for n in range(1, 33) if n % 4 == 1)),),
        ),
    ),
)
WISH = "From now on, always give amounts in thousands."
PREFERENCE = Task(
    name="a preference stated once holds later",
    alone=True,
    steps=(
        Step(
            request=WISH,
            replies=(
                call(
                    "remember_preference",
                    knows=(rule("states a lasting wish"),),
                    words=WISH,
                ),
                answer(
                    "I will give amounts in thousands.", r"^.*(?P<kept>amounts in thousands).*$"
                ),
            ),
            right=(mentions("thousands"),),
        ),
        Step(
            request="What do the costs of plants.xlsx sum up to?",
            anew=True,
            files=lambda d: [
                saved(
                    d / "plants.xlsx",
                    [["Plant", "Cost"], *((f"P{n}", n * 1000) for n in range(1, 21))],
                )
            ],
            replies=(
                code(
                    "⟦recipe⟧",
                    'print("thousands", frame["Cost"].sum() / 1000)',
                    knows=(
                        rule("The facts may hold what the user prefers: do so"),
                        rule(WISH),
                        USE_RECIPE,
                        recipe("plants.xlsx"),
                    ),
                ),
                answer("They sum up to ⟦value⟧ thousand.", printed("thousands")),
            ),
            right=(says(210), mentions("thousand")),
        ),
    ),
)
PLACE = Task(
    name="what was said in an earlier conversation",
    steps=(
        Step(
            request="Our sales data is in Sheet1 column B.",
            replies=(answer("Noted: your sales data is in Sheet1, column B."),),
        ),
        Step(
            request="Where is my sales data?",
            anew=True,
            replies=(
                answer("It is in ⟦place⟧.", r"Our sales data is in (?P<place>Sheet1 column B)"),
            ),
            right=(mentions("Sheet1", "column B"), ran(cells=False)),
        ),
    ),
)
ADVICE = one(
    "advice without code",
    advice=True,
    request="Which function of Excel combines text from several cells with a delimiter?",
    replies=(
        answer(
            '⟦name⟧ does it, for example =⟦name⟧(", ", TRUE, A2:A9).',
            rule("This request is for advice"),
            r"\b(?P<name>TEXTJOIN)\b",
        ),
    ),
    right=(mentions("TEXTJOIN"),),
)
TASKS = (PLACE, SECOND, LIVE, PREFERENCE, ADVICE)
