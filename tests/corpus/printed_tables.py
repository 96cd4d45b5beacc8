"""Tables of orders and cards as code prints them: side by side, one under the other, as text.

In each, the cards must be found and the references kept, which pass the check of cards too.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping

import pandas as pd

from tests.corpus.egress import Text, card, digits

MARKDOWN = "| Order no | {} | Amount |\n|---|---|---|\n"


def frame(chance: random.Random) -> pd.DataFrame:
    """Return one to seven orders; the references of each third frame could be cards, too."""
    count, alike = chance.randint(1, 7), chance.random() < 0.33
    references = [card(chance) if alike else digits(chance, 16) for _ in range(count)]
    return pd.DataFrame(
        {
            "Order no": [f"45{n:08d}" for n in range(count)],
            "Reference": references,
            "Customer": ["ACME"] * count,
            "Card": [card(chance) for _ in range(count)],
            "Amount": [chance.random() * 1000 for _ in range(count)],
        }
    )


def markdown(f: pd.DataFrame, name: str) -> str:
    rows = zip(f["Order no"], f[name], f["Amount"], strict=True)
    return MARKDOWN.format(name) + "".join(f"| {a} | {b} | {c:.2f} |\n" for a, b, c in rows)


PRINTED: Mapping[str, Callable[[pd.DataFrame], str]] = {
    "markdown": lambda f: markdown(f, "Reference") + markdown(f, "Card"),
    "wide, wrapped": lambda f: pd.concat(
        [f, f[["Amount", "Customer"]].add_suffix(" of the previous year")], axis=1
    ).to_string(line_width=70),
    "row by row": lambda f: "\n".join(
        str(f.set_index("Customer")[["Order no", "Card"]].iloc[n]) for n in range(len(f))
    ),
    "no names, some rows": lambda f: f[["Customer", "Order no", "Card", "Amount"]].to_csv(
        index=False, header=False
    ),
    "values as JSON": lambda f: f[["Order no", "Card"]].astype("int64").to_json(orient="values"),
    "in words": lambda f: "\n".join(
        f"ACME paid order {a} with {c}" for a, c in zip(f["Order no"], f["Card"], strict=True)
    ),
    "two tables": lambda f: (
        f"{f[['Order no', 'Reference', 'Amount']]}\n{f[['Order no', 'Card', 'Amount']]}\n"
    ),
    "same width": lambda f: (
        f"{f[['Amount', 'Reference']].to_string()}\n{f[['Amount', 'Card']].to_string()}\n"
    ),
    "series": lambda f: f"{f['Reference']}\n{f['Card']}\n",
    "csv both": lambda f: f[["Reference", "Card"]].to_csv(),
    "csv two": lambda f: (
        f[["Order no", "Reference"]].to_csv(index=False)
        + f[["Order no", "Card"]].to_csv(index=False)
    ),
    "csv ; two": lambda f: (
        f[["Order no", "Reference", "Amount"]].to_csv(index=False, sep=";", decimal=",")
        + f[["Order no", "Card", "Amount"]].to_csv(index=False, sep=";", decimal=",")
    ),
    "quoted csv": lambda f: (
        '"Customer","Card","Reference","Amount"\n'
        + "".join(
            f'"Müller, Hans","{c}","{x}","1,234.00"\n'
            for c, x in zip(f.Card, f.Reference, strict=True)
        )
    ),
    "quoted csv2": lambda f: (
        "Customer,Card,Reference,Amount\n"
        + "".join(
            f'"Müller, Hans",{c},{x},"1,234.00"\n' for c, x in zip(f.Card, f.Reference, strict=True)
        )
    ),
    "dict rows": lambda f: str(f[["Order no", "Reference", "Card"]].to_dict("records")),
    "dict rows pay": lambda f: str(
        f[["Order no", "Reference", "Card"]].rename(columns={"Card": "Pay"}).to_dict("records")
    ),
    "dict list": lambda f: str(f[["Order no", "Reference", "Card"]].to_dict("list")),
    "dict list int": lambda f: str(f[["Reference", "Card"]].astype("int64").to_dict("list")),
    "dict dict": lambda f: str(f[["Order no", "Reference", "Card"]].to_dict()),
    "dict lines": lambda f: "\n".join(
        map(str, f[["Order no", "Reference", "Card"]].to_dict("records"))
    ),
    "json records": lambda f: f[["Order no", "Reference", "Card"]].to_json(orient="records"),
    "json lines": lambda f: f[["Order no", "Reference", "Card"]].to_json(
        orient="records", lines=True
    ),
    "json cols": lambda f: f[["Order no", "Reference", "Card"]].to_json(),
    "json split": lambda f: f[["Order no", "Reference", "Card"]].to_json(orient="split"),
    "json indent": lambda f: json.dumps(
        f[["Order no", "Reference", "Card", "Amount"]].to_dict("records"), indent=2
    ),
    "json indent pay": lambda f: json.dumps(
        f[["Order no", "Reference", "Customer", "Card", "Amount"]]
        .rename(columns={"Card": "Pay", "Customer": "Order status"})
        .to_dict("records"),
        indent=2,
    ),
    "json indent list": lambda f: json.dumps(
        f[["Order no", "Reference", "Card", "Amount"]].to_dict("list"), indent=2
    ),
    "T": lambda f: str(f[["Order no", "Reference", "Card"]].T),
    "noindex": lambda f: (
        f[["Order no", "Reference", "Amount"]].to_string(index=False)
        + "\n"
        + f[["Order no", "Card", "Amount"]].to_string(index=False)
    ),
    "noindex cust": lambda f: (
        f[["Customer", "Reference"]].to_string(index=False)
        + "\n"
        + f[["Customer", "Card"]].to_string(index=False)
    ),
    "labelled lists": lambda f: f"References {f['Reference'].tolist()}\nCards {f['Card'].tolist()}",
    "labelled lists pay": lambda f: (
        f"References: {f['Reference'].tolist()}\nPay: {f['Card'].tolist()}"
    ),
    "pay 2nd table": lambda f: (
        f"{f[['Order no', 'Reference', 'Amount']]}\n{f[['Order no', 'Card', 'Amount']].rename(columns={'Card': 'Payment'})}\n"
    ),
    "pay series": lambda f: f"{f['Reference']}\n{f['Card'].rename('Payment')}\n",
    "frame then series": lambda f: f"{f[['Reference']]}\n{f['Card'].rename('Payment')}\n",
    "series then frame": lambda f: (
        f"{f['Reference']}\n{f[['Card', 'Amount']].rename(columns={'Card': 'pay'})}\n"
    ),
    "title": lambda f: (
        f"Order references\n{f[['Reference', 'Amount']]}\nCards of customers\n{f[['Card', 'Amount']]}\n"
    ),
    "title pay": lambda f: (
        f"Orders\n{f[['Reference', 'Amount']]}\nPaid with\n{f[['Card', 'Amount']].rename(columns={'Card': 'pay'})}\n"
    ),
    "indexed": lambda f: (
        f"{f.set_index('Order no')[['Reference']]}\n{f.set_index('Order no')[['Card']]}\n"
    ),
    "indexed pay": lambda f: (
        f"{f.set_index('Order no')[['Reference']]}\n{f.set_index('Order no')[['Card']].rename(columns={'Card': 'pay'})}\n"
    ),
    "indexed series": lambda f: (
        f"{f.set_index('Order no')['Reference']}\n{f.set_index('Order no')['Card']}\n"
    ),
    "card index": lambda f: (
        f"{f.set_index('Reference')[['Amount']]}\n{f.set_index('Card')[['Amount']]}\n"
    ),
    "multiindex": lambda f: f"{f.set_index(['Customer', 'Order no'])[['Reference', 'Card']]}",
    "multiindex cols": lambda f: str(
        pd.concat({"Order": f[["Reference"]], "Pay": f[["Card"]]}, axis=1)
    ),
    "year header": lambda f: (
        f"{f[['Reference', 'Amount']].rename(columns={'Amount': 2024})}\n{f[['Card', 'Amount']].rename(columns={'Amount': 2024})}\n"
    ),
    "year header pay": lambda f: (
        f"{f[['Reference', 'Amount']].rename(columns={'Amount': 2024})}\n{f[['Card', 'Amount']].rename(columns={'Amount': 2024, 'Card': 'pay'})}\n"
    ),
    "tsv": lambda f: (
        f[["Order no", "Reference", "Amount"]].to_csv(index=False, sep="\t")
        + f[["Order no", "Card", "Amount"]].to_csv(index=False, sep="\t")
    ),
    "tsv wider": lambda f: (
        f[["Order no", "Reference", "Amount"]].to_csv(index=False, sep="\t")
        + f[["Order no", "Customer", "Card", "Amount"]].to_csv(index=False, sep="\t")
    ),
    "in words, several": lambda f: "\n".join(
        f"{n} paid order {a} with {c}"
        for n, a, c in zip(f["Customer"], f["Order no"], f["Card"], strict=True)
    ),
    "value counts": lambda f: f"{f['Reference'].value_counts()}\n{f['Card'].value_counts()}",
    "groupby": lambda f: (
        f"{f.groupby('Reference')['Amount'].sum()}\n{f.groupby('Card')['Amount'].sum()}"
    ),
    "refs only": lambda f: (
        f"{f[['Order no', 'Reference', 'Amount']]}\n{f[['Customer', 'Reference']]}\n{f['Reference']}"
    ),
    "nan": lambda f: (
        f"{pd.concat([f[['Order no', 'Reference', 'Amount']], pd.DataFrame({'Order no': ['x'], 'Reference': ['unknown']})])}\n{f[['Order no', 'Card', 'Amount']]}\n"
    ),
    "cash": lambda f: str(
        pd.concat(
            [
                f[["Card", "Amount"]],
                pd.DataFrame({"Card": ["bank transfer order", "cash"], "Amount": [1, 2]}),
                f[["Card", "Amount"]],
            ]
        ).rename(columns={"Card": "Payment"})
    ),
}


def printed(seed: int, each: int) -> Iterator[tuple[str, Text, tuple[str, ...]]]:
    """Yield name, text with its cards, and references, *each* times for each way of printing."""
    chance = random.Random(seed)
    for name, render in PRINTED.items():
        for _ in range(each):
            orders = frame(chance)
            text = render(orders)
            cards = tuple(("card", each) for each in orders["Card"] if each in text)
            references = tuple(each for each in orders["Reference"] if each in text)
            yield name, Text(text, cards), references
