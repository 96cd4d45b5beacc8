"""Code of time value of money: present values, returns, loans, depreciation."""

from __future__ import annotations

from typing import Any

from agent.tools.analysis.arguments import (
    Depreciation,
    Irr,
    LoanSchedule,
    Npv,
    OfFlows,
    Xirr,
)
from agent.tools.analysis.written import Places, Written, lines

FINANCIAL = ("import numpy as np", "import numpy_financial as npf", "import pandas as pd")
DECIMAL = ("from decimal import ROUND_HALF_UP, Decimal", "import pandas as pd")
CENTS = '''
def cents(amount):
    """Round half up to cents, as money is."""
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)
'''


def _flows(asked: OfFlows, at: Places, name: str) -> tuple[str, dict[str, Any]]:
    """Return the code that gives the flows, and the constants it needs."""
    if asked.flows:
        return "", {name: list(asked.flows)}
    return f"{name} = {at.column('value')}.dropna().astype(float).tolist()\n", {}


def npv(asked: Npv, at: Places) -> Written:
    """Write the present value of each flow and their sum."""
    start, parameters = _flows(asked, at, "npv_flows")
    now = asked.first_flow == "now"
    body = start + lines(
        """
        npv = npf.npv(npv_rate, «flows»)  # «when»
        present_value = pd.DataFrame({"period": range(«first», len(npv_flows) + «first»), "flow": npv_flows})
        present_value["factor"] = (1 + npv_rate) ** -present_value["period"].astype(float)
        present_value["present value"] = present_value["flow"] * present_value["factor"]
        present_value["sum so far"] = present_value["present value"].cumsum()
        print(f"net present value at {npv_rate:.4%}: {npv:,.2f}")
        """,
        flows="npv_flows" if now else "[0, *npv_flows]",
        when="the first flow is paid now" if now else "as Excel's NPV: the first after one period",
        first="0" if now else "1",
    )
    return Written(body, "present_value", FINANCIAL, {"npv_rate": asked.rate, **parameters})


def irr(asked: Irr, at: Places) -> Written:
    """Write the rate at which the flows are worth nothing now."""
    start, parameters = _flows(asked, at, "irr_flows")
    body = start + lines(
        """
        signs = np.sign([flow for flow in irr_flows if flow])
        changes = int((np.diff(signs) != 0).sum())
        irr = npf.irr(irr_flows) if changes else np.nan
        if changes == 0:
            print("no rate: money has to be both paid and received")
        elif np.isnan(irr):
            print("no rate makes these flows worth nothing now")
        else:
            print(f"internal rate of return: {irr:.4%} a period")
            print(f"net present value at that rate: {npf.npv(irr, irr_flows):,.2f}")
        if changes > 1:
            print(f"the flows change sign {changes} times: other rates may fit too; look at the present values")
        rates = np.unique(np.append(np.linspace(0, 0.5, 11), np.nan_to_num(irr)))
        npv_by_rate = pd.DataFrame({"rate": rates, "net present value": [npf.npv(r, irr_flows) for r in rates]})
        """
    )
    return Written(body, "npv_by_rate", FINANCIAL, parameters)


def xirr(asked: Xirr, at: Places) -> Written:
    """Write all rates at which dated flows are worth nothing, as Excel's XIRR counts days."""
    if asked.flows:
        parameters: dict[str, Any] = {
            "xirr_flows": list(asked.flows),
            "xirr_days": [day.isoformat() for day in asked.days],
        }
        start = 'dated = pd.DataFrame({"date": pd.to_datetime(xirr_days), "flow": xirr_flows})\n'
    else:
        parameters = {}
        start = (
            f"dated = {at.frame}[[{at.name('date')}, {at.name('value')}]].dropna()\n"
            'dated.columns = ["date", "flow"]\n'
        )
    body = start + lines(
        '''
        dated = dated.sort_values("date", ignore_index=True)
        years = (dated["date"] - dated["date"].iloc[0]).dt.days / 365

        def xnpv(rate):
            """Return what the flows are worth on the first day."""
            return (dated["flow"] / (1 + rate) ** years).sum()

        grid = np.concatenate([np.linspace(-0.999, 1, 400), np.geomspace(1.01, 1000, 200)])
        worth = np.array([xnpv(rate) for rate in grid])
        turns = np.flatnonzero(np.sign(worth[:-1]) * np.sign(worth[1:]) <= 0)
        rates = sorted({round(brentq(xnpv, grid[n], grid[n + 1], xtol=1e-14), 12) for n in turns})
        xirr = min(rates, key=abs) if rates else np.nan
        if not rates:
            print("no rate: money has to be both paid and received")
        for rate in rates:
            print(f"internal rate of return: {rate:.6%} a year")
        if len(rates) > 1:
            print("several rates fit: judge by the net present value instead")
        '''
    )
    if asked.rate is not None:
        parameters["xnpv_rate"] = asked.rate
        body += '\nprint(f"net present value at {xnpv_rate:.4%}: {xnpv(xnpv_rate):,.2f}")'
    body += '\ndated["present value"] = dated["flow"] / (1 + xirr) ** years'
    imports = ("import numpy as np", "import pandas as pd", "from scipy.optimize import brentq")
    return Written(body, "dated", imports, parameters)


def loan_schedule(asked: LoanSchedule, at: Places) -> Written:
    """Write each payment; the last one takes up what rounding has left."""
    del at
    round_to = "cents({})" if asked.round_cents else "{}"
    growth = "(1 + rate_a_period) ** loan_payments"
    annuity = f"loan_amount * rate_a_period * {growth} / ({growth} - 1) if rate_a_period else loan_amount / loan_payments"
    paid = {
        "annuity": round_to.format(annuity),
        "equal_principal": round_to.format("loan_amount / loan_payments"),
        "bullet": "Decimal(0)",
    }[asked.kind]
    repaid = {"annuity": "level - interest", "equal_principal": "level", "bullet": "level"}
    body = (lines(CENTS) + "\n\n" if asked.round_cents else "") + lines(
        """
        loan_amount, more_each_time = Decimal(str(loan_principal)), Decimal(str(loan_extra))
        rate_a_period = Decimal(str(loan_rate)) / «per_year»
        level = «paid»  # «what»
        loan_balance, loan_rows = loan_amount, []
        for number in range(1, loan_payments + 1):
            interest = «interest»
            repaid = «repaid» + more_each_time
            if number == loan_payments or repaid > loan_balance:
                repaid = loan_balance
            loan_balance -= repaid
            loan_rows.append((number, interest + repaid, interest, repaid, loan_balance))
            if not loan_balance:
                break
        columns = ["payment", "amount", "interest", "principal", "balance"]
        loan_schedule = pd.DataFrame(loan_rows, columns=columns).astype(dict.fromkeys(columns[1:], float))
        """,
        per_year=str(asked.per_year),
        paid=paid,
        what={
            "annuity": "the same amount each time",
            "equal_principal": "the same principal each time",
            "bullet": "all principal with the last payment",
        }[asked.kind],
        interest=round_to.format("loan_balance * rate_a_period"),
        repaid=repaid[asked.kind],
    )
    parameters: dict[str, Any] = {
        "loan_principal": asked.principal,
        "loan_rate": asked.rate,
        "loan_payments": asked.payments,
        "loan_extra": asked.extra,
    }
    if asked.first_payment is not None:
        parameters["loan_first_payment"] = asked.first_payment.isoformat()
        body += "\n" + lines(
            """
            due = pd.Timestamp(loan_first_payment)
            loan_schedule.insert(1, "date", [due + pd.DateOffset(months=«months» * n) for n in range(len(loan_rows))])
            """,
            months=str(12 // asked.per_year),
        )
    body += "\n" + lines(
        """
        print(f"{len(loan_schedule)} payments, the first {loan_schedule['amount'].iloc[0]:,.2f},",
              f"the last {loan_schedule['amount'].iloc[-1]:,.2f};",
              f"interest {loan_schedule['interest'].sum():,.2f}, principal {loan_schedule['principal'].sum():,.2f}")
        """
    )
    return Written(body, "loan_schedule", DECIMAL, parameters)


def depreciation(asked: Depreciation, at: Places) -> Written:
    """Write the depreciation of each year and the book value at its end."""
    del at
    steps = {
        "straight_line": """
            whole = (asset_cost - asset_salvage) / asset_life
            amounts = [whole * asset_months / 12] + [whole] * (asset_life - 1)
            if asset_months < 12:
                amounts.append(whole * (12 - asset_months) / 12)
            """,
        "sum_of_years": """
            digits = asset_life * (asset_life + 1) / 2
            amounts = [
                (asset_cost - asset_salvage) * (asset_life - year) / digits for year in range(asset_life)
            ]
            """,
        "fixed_declining": """
            rate = round(1 - (asset_salvage / asset_cost) ** (1 / asset_life), 3)  # as Excel's DB
            amounts = [asset_cost * rate * asset_months / 12]
            for year in range(1, asset_life):
                amounts.append((asset_cost - sum(amounts)) * rate)
            if asset_months < 12:
                amounts.append((asset_cost - sum(amounts)) * rate * (12 - asset_months) / 12)
            """,
        "declining_balance": """
            amounts = []
            for year in range(asset_life):
                left = asset_cost - sum(amounts)
                amount = left * asset_factor / asset_life«switch»
                amounts.append(max(min(amount, left - asset_salvage), 0))
            """,
    }
    switch = (
        "\n    amount = max(amount, (left - asset_salvage) / (asset_life - year))"
        if asked.switch_to_straight_line
        else ""
    )
    body = lines(steps[asked.method], switch=switch)
    body += "\n" + lines(
        """
        depreciation = pd.DataFrame({"year": range(1, len(amounts) + 1), "depreciation": amounts})
        depreciation["so far"] = depreciation["depreciation"].cumsum()
        depreciation["book value"] = asset_cost - depreciation["so far"]
        depreciation = depreciation.round(2)
        print(f"depreciation {sum(amounts):,.2f} of {asset_cost:,.2f}, left {asset_cost - sum(amounts):,.2f}")
        """
    )
    parameters: dict[str, Any] = {
        "asset_cost": asked.cost,
        "asset_salvage": asked.salvage,
        "asset_life": asked.life,
    }
    if asked.method in ("straight_line", "fixed_declining"):
        parameters["asset_months"] = asked.first_year_months
    if asked.method == "declining_balance":
        parameters["asset_factor"] = asked.factor
    return Written(body, "depreciation", parameters=parameters)
