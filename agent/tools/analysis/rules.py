"""Code that applies rates and rules given as data: taxes, and what rows have to keep."""

from __future__ import annotations

import datetime
from typing import Any

from agent.tools.analysis.arguments import ComplianceCheck, Rule, Scalar, TaxCalculation, When
from agent.tools.analysis.money import CENTS, DECIMAL
from agent.tools.analysis.tables import Table
from agent.tools.analysis.written import Places, Written, lines
from agent.tools.tool import ToolFailed

SIGNS = {
    "equal": "==",
    "not_equal": "!=",
    "above": ">",
    "at_least": ">=",
    "below": "<",
    "at_most": "<=",
}


def tax_calculation(asked: TaxCalculation, at: Places) -> Written:
    """Write the tax of one amount, or of each row."""
    parameters: dict[str, Any] = {}
    body = lines(CENTS) + "\n\n"
    if asked.brackets:
        parameters["tax_brackets"] = [
            {"above": each.above, "rate": each.rate} for each in asked.brackets
        ]
        body += lines(
            '''
            def tax_of(amount):
                """Each part of the amount is taxed at the rate of its bracket."""
                amount, tax = Decimal(str(amount)), Decimal(0)
                starts = [Decimal(str(bracket["above"])) for bracket in tax_brackets]
                for bracket, start, end in zip(tax_brackets, starts, [*starts[1:], None]):
                    part = (amount if end is None else min(amount, end)) - start
                    tax += max(part, Decimal(0)) * Decimal(str(bracket["rate"]))
                return cents(tax)
            '''
        )
    else:
        way = "amount * rate / (1 + rate)" if asked.included else "amount * rate"
        how = "is in the amount already" if asked.included else "comes on top of the amount"
        body += lines(
            '''
            def tax_of(amount, rate):
                """The tax «how»."""
                amount, rate = Decimal(str(amount)), Decimal(str(rate))
                return cents(«way»)
            ''',
            how=how,
            way=way,
        )
    if asked.rate is not None:
        parameters["tax_rate"] = asked.rate
    rate = ", tax_rate" if asked.rate is not None else ""
    if asked.table is None:
        parameters["tax_amount"] = asked.amount
        body += "\n\n" + lines(
            """
            tax = float(tax_of(tax_amount«rate»))
            tax_calculation = pd.DataFrame({"amount": [tax_amount], "tax": [tax]})
            """,
            rate=rate,
        )
    else:
        body += "\n\n" + _of_rows(asked, at, rate)
    net = '["amount"] - tax_calculation["tax"]' if asked.included else '["amount"]'
    gross = '["amount"]' if asked.included else '["amount"] + tax_calculation["tax"]'
    named = "" if asked.brackets else f'tax_calculation["net"] = tax_calculation{net}\n'
    named += "" if asked.brackets else f'tax_calculation["gross"] = tax_calculation{gross}\n'
    body += (
        "\n"
        + named
        + lines(
            """
        print(f"tax {tax_calculation['tax'].sum():,.2f} on {tax_calculation['amount'].sum():,.2f}")
        """
        )
    )
    return Written(body, "tax_calculation", DECIMAL, parameters)


def _of_rows(asked: TaxCalculation, at: Places, rate: str) -> str:
    amount = at.column("value")
    if not asked.rate_column:
        taxes = f"[tax_of(amount{rate}) for amount in taxed]"
        return lines(
            """
            taxed = «amount».dropna()
            tax_calculation = pd.DataFrame({"amount": taxed, "tax": «taxes»}).astype(float)
            """,
            amount=amount,
            taxes=taxes,
        )
    whole = at.tables[0].largest.get(asked.rate_column, 0) > 1
    return lines(
        """
        taxed = «frame»[[«value», «rates»]].dropna().set_axis(["amount", "rate"], axis=1)«whole»
        taxes = [tax_of(amount, rate) for amount, rate in zip(taxed["amount"], taxed["rate"])]
        tax_calculation = taxed.assign(tax=taxes).astype(float)
        print(tax_calculation.groupby("rate")[["amount", "tax"]].sum().to_string())
        """,
        frame=at.frame,
        value=at.name("value"),
        rates=at.name("rate_column"),
        whole='\ntaxed["rate"] /= 100  # the rates are written as 19 for 19 %' if whole else "",
    )


def compliance_check(asked: ComplianceCheck, at: Places) -> Written:
    """Write one condition for each rule, and list the rows that break it."""
    names = [rule.name for rule in asked.rules]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise ToolFailed(f"Two rules have the same name {repeated[0]!r}. Give each its own.")
    table, frame = at.tables[0], at.frame
    applies = ["applies = {  # rule → the rows that it is about"]
    broken = ["broken = {  # rule → the rows that break it"]
    for rule in asked.rules:
        when = " & ".join(f"({_condition(each, table)})" for each in rule.when)
        applies.append(f"    {rule.name!r}: {when or 'every_row'},")
        broken.append(f"    {rule.name!r}: {_breach(rule, table)},")
    body = "\n".join(
        [f"every_row = pd.Series(True, index={frame}.index)", *applies, "}", *broken, "}"]
    )
    body += "\n" + lines(
        """
        breaches, results = [], []
        for rule, condition in broken.items():
            rows = «frame»[applies[rule] & condition.fillna(False)]
            breaches.append(rows.assign(rule=rule))
            first = ", ".join(str(row) for row in rows.index[:10])
            results.append((rule, applies[rule].sum(), len(rows), "ok" if rows.empty else "broken", first))
        compliance_check = pd.DataFrame(
            results, columns=["rule", "rows checked", "rows that break it", "verdict", "first rows"]
        )
        compliance_breaches = pd.concat(breaches)
        verdict = "every rule is kept" if compliance_breaches.empty else "not every rule is kept"
        print(f"{len(«frame»):,} rows, {len(broken)} rules: {verdict}; the rows are in compliance_breaches")
        """,
        frame=frame,
    )
    return Written(body, "compliance_check")


def _condition(when: When, table: Table) -> str:
    column = f"{table.variable}[{table.name(when.column)}]"
    if when.is_ == "filled":
        return f"{column}.notna()"
    if when.is_ == "blank":
        return f"{column}.isna()"
    return f"{column} {SIGNS[when.is_]} {_value(when.value, when.column, table)}"


def _breach(rule: Rule, table: Table) -> str:
    """Return the condition of the rows that break *rule*."""
    frame = table.variable
    names = [table.name(each) for each in rule.columns]
    columns = [f"{frame}[{name}]" for name in names]
    listed = f"{frame}[[{', '.join(names)}]]"
    if rule.check == "filled":
        return f"{listed}.isna().any(axis=1)"
    if rule.check == "unique":
        return f"{frame}.duplicated([{', '.join(names)}], keep=False)"
    if rule.check == "compare":
        filled = f"{listed}.notna().all(axis=1)"
        return f"{filled} & ~({columns[0]} {rule.comparison} {columns[1]})"
    if rule.check == "balanced":
        by = ", ".join(f"{frame}[{table.name(each)}]" for each in rule.by)
        for each in rule.columns:
            table.name(each, "numbers")
        net = (
            columns[0]
            if len(columns) == 1
            else f"({columns[0]}.fillna(0) - {columns[1]}.fillna(0))"
        )
        return f'{net}.groupby([{by}]).transform("sum").abs() > 0.005'
    parts = [_of_value(rule, each, f"{frame}[{table.name(each)}]", table) for each in rule.columns]
    return " | ".join(f"({part})" for part in parts)


def _of_value(rule: Rule, name: str, column: str, table: Table) -> str:
    if rule.check == "one_of":
        values = ", ".join(_value(each, name, table) for each in rule.values)
        return f"{column}.notna() & ~{column}.isin([{values}])"
    if rule.check == "pattern":
        return f"{column}.notna() & ~{column}.astype(str).str.fullmatch({rule.pattern!r})"
    parts = []
    if rule.minimum is not None:
        parts.append(f"({column} < {_value(rule.minimum, name, table)})")
    if rule.maximum is not None:
        parts.append(f"({column} > {_value(rule.maximum, name, table)})")
    return " | ".join(parts)


def _value(value: Scalar | None, column: str, table: Table) -> str:
    """Return *value* as code that compares with the column's values."""
    kind = table.kinds.get(column, "object")
    if kind in ("date", "datetime64"):
        try:
            return f"pd.Timestamp({datetime.date.fromisoformat(str(value)).isoformat()!r})"
        except ValueError:
            raise ToolFailed(
                f"The column {column!r} holds dates: give {value!r} as YYYY-MM-DD."
            ) from None
    numeric = kind in ("integer", "number", "currency", "percent", "float", "int")
    if numeric and isinstance(value, str):
        raise ToolFailed(f"The column {column!r} holds numbers: {value!r} is a text.")
    if kind in ("text", "identifier", "str") and not isinstance(value, str):
        raise ToolFailed(f"The column {column!r} holds texts: write {value!r} in quotes.")
    whole = isinstance(value, float) and value.is_integer()
    return repr(int(value) if whole and isinstance(value, float) else value)
