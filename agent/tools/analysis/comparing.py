"""Code that compares: two tables by key, actual against budget, money in against money out."""

from __future__ import annotations

from typing import Any

from agent.tools.analysis.arguments import CashFlow, Reconciliation, Variance
from agent.tools.analysis.written import FREQUENCIES, Places, Written, lines

NUMPY = ("import numpy as np", "import pandas as pd")


def reconciliation(asked: Reconciliation, at: Places) -> Written:
    """Write one line for each key: what both tables hold of it, and whether that agrees.

    Keys are compared as text without blanks around, so that 1001 and "1001 " are one.
    """
    body = lines(
        '''
        def as_key(value):
            """Return a part of a key as text: 1001, 1001.0 and " 1001" are the same."""
            if isinstance(value, float) and value.is_integer():
                value = int(value)
            return "" if pd.isna(value) else str(value).strip()

        def totals_by_key(frame, key, value, name):
            """Return the sum and the number of rows of each key."""
            keys = [frame[part].map(as_key).rename(f"key {at}") for at, part in enumerate(key, 1)]
            return frame[value].groupby(keys).agg(["sum", "size"]).set_axis([name, f"{name} rows"], axis=1)

        ours = totals_by_key(«one», «key», «value», "table")
        theirs = totals_by_key(«two», «other_key», «other_value», "other")
        reconciliation = ours.join(theirs, how="outer").reset_index()
        reconciliation["difference"] = reconciliation["table"].fillna(0) - reconciliation["other"].fillna(0)
        reconciliation["status"] = np.select(
            [
                reconciliation["other rows"].isna(),
                reconciliation["table rows"].isna(),
                reconciliation["difference"].abs() <= reconciliation_tolerance,
            ],
            ["only in table", "only in other", "matched"],
            "different",
        )
        reconciliation = reconciliation.sort_values("difference", key=abs, ascending=False, ignore_index=True)
        print(reconciliation.groupby("status")[["table", "other", "difference"]].agg(["size", "sum"]).to_string())
        print(f"table {ours['table'].sum():,.2f} - other {theirs['other'].sum():,.2f}",
              f"= {reconciliation['difference'].sum():,.2f}, the sum of all differences")
        for name, sums in (("table", ours), ("other", theirs)):
            print(f"{(sums[f'{name} rows'] > 1).sum():,} keys have several rows in {name}: they are summed")
        reconciliation = reconciliation[reconciliation["status"] != "matched"].reset_index(drop=True)
        ''',
        one=at.tables[0].variable,
        two=at.tables[1].variable,
        key=at.listed("key"),
        other_key=at.listed("other_key"),
        value=at.name("value"),
        other_value=at.name("other_value"),
    )
    return Written(body, "reconciliation", NUMPY, {"reconciliation_tolerance": asked.tolerance})


def variance(asked: Variance, at: Places) -> Written:
    """Write actual, budget and their difference by group, and in all."""
    parameters: dict[str, Any] = {"costs": list(asked.costs)} if asked.costs else {}
    first = "variance.index.get_level_values(0)" if len(asked.by) > 1 else "variance.index"
    sign = {"higher": "1", "lower": "-1"}[asked.better]
    if asked.costs:
        sign = f"np.where({first}.isin(costs), -1, 1)"
    body = lines(
        """
        variance = «frame».groupby(«by», dropna=False)[[«actual», «budget»]].sum()
        variance.columns = ["actual", "budget"]
        variance["variance"] = variance["actual"] - variance["budget"]
        variance["variance %"] = 100 * variance["variance"] / variance["budget"].abs().replace(0, np.nan)
        better = «sign»  # 1: the higher is favourable, -1: the lower
        variance["effect"] = np.sign(better * variance["variance"].round(6)).map(
            {1: "favourable", -1: "unfavourable", 0: "none"}
        )
        """,
        frame=at.frame,
        by=at.listed("by"),
        actual=at.name("actual"),
        budget=at.name("budget"),
        sign=sign,
    )
    if asked.limit_percent is not None:
        parameters["variance_limit"] = asked.limit_percent
        body += "\n" + lines(
            """
            variance["beyond limit"] = (variance["variance %"].abs() > variance_limit) | (
                variance["variance %"].isna() & (variance["variance"] != 0)
            )
            print(f"{variance['beyond limit'].sum()} of {len(variance)} are beyond {variance_limit:g} %")
            """
        )
    body += "\n" + lines(
        """
        total = variance[["actual", "budget", "variance"]].sum()
        print(f"actual {total['actual']:,.2f} - budget {total['budget']:,.2f} = {total['variance']:,.2f}")
        variance = variance.reset_index()
        """
    )
    return Written(body, "variance", NUMPY, parameters)


def cash_flow(asked: CashFlow, at: Places) -> Written:
    """Write money in and out by period, and the balance at its start and end."""
    parts = {
        "frame": at.frame,
        "date": at.column("date"),
        "frequency": FREQUENCIES[asked.every],
        "inflow": f"{at.column('value')}.clip(lower=0)",
        "outflow": f"{at.column('value')}.clip(upper=0)",
        "by": ", ".join(f"{at.frame}[{name}]" for name in at.names.get("by", ())),
    }
    if asked.inflow:
        parts["inflow"] = f"{at.column('inflow')}.fillna(0)"
        parts["outflow"] = f"-{at.column('outflow')}.fillna(0).abs()"
    body = lines(
        """
        period = «date».dt.to_period("«frequency»").rename("period")
        every = pd.period_range(period.min(), period.max(), freq="«frequency»", name="period")
        inflow, outflow = «inflow», «outflow»
        cash_flow = pd.DataFrame({
            "inflow": inflow.groupby(period).sum(),
            "outflow": outflow.groupby(period).sum(),
        }).reindex(every, fill_value=0)
        cash_flow["net"] = cash_flow["inflow"] + cash_flow["outflow"]
        cash_flow["closing"] = opening_balance + cash_flow["net"].cumsum()
        cash_flow.insert(0, "opening", cash_flow["closing"] - cash_flow["net"])
        if undated := period.isna().sum():
            print(f"{undated:,} rows without a date are left out: {(inflow + outflow)[period.isna()].sum():,.2f}")
        print(f"opening {opening_balance:,.2f} + in {cash_flow['inflow'].sum():,.2f}",
              f"- out {-cash_flow['outflow'].sum():,.2f} = closing {cash_flow['closing'].iloc[-1]:,.2f}")
        below = cash_flow.index[cash_flow["closing"] < 0].astype(str)
        if len(below):
            print("the balance is below zero at the end of", ", ".join(below[:24]))
        """,
        **parts,
    )
    if asked.by:
        body += "\n" + lines(
            """
            by_group = (inflow + outflow).groupby([«by», period]).sum().unstack(fill_value=0)
            by_group["total"] = by_group.sum(axis=1)
            print(by_group.to_string())
            """,
            **parts,
        )
    body += '\ncash_flow = cash_flow.reset_index()\ncash_flow["period"] = cash_flow["period"].astype(str)'
    return Written(body, "cash_flow", parameters={"opening_balance": asked.opening})
