"""Questions about files as people hand them in: profile, code, and what is said of it."""

import re

import pandas as pd
import pytest

from tests.cases import inputs

pytestmark = pytest.mark.asyncio(loop_scope="module")

REQUESTS = {
    "list the accounts": [
        """import pandas as pd
frame = pd.read_excel('inputs/accounts.xlsx', dtype=str)
other = pd.read_csv('inputs/accounts.csv', dtype=str, keep_default_na=False)
frame['Account'] = frame['Account'].str.zfill(8)
both = frame.merge(other[['Account', 'Country']], on='Account')
both.to_excel('outputs/accounts.xlsx', index=False)
print(len(both), both.loc[1].to_dict())"""
    ],
    "copy the accounts": [
        """import pandas as pd
pd.read_excel('inputs/accounts.xlsx').to_excel('outputs/copy.xlsx', index=False)
pd.read_csv('inputs/accounts.csv').to_excel('outputs/lines.xlsx', index=False)"""
    ],
    "total of Gross": [
        """import pandas as pd
frame = pd.read_excel('inputs/invoices.xlsx')
gross = frame['Net'] + frame['Net'] * 0.19
print('gross', round(gross.sum(), 2), frame['Gross'].isna().all())"""
    ],
    "sales by region": [
        """import pandas as pd
frame = pd.read_excel('inputs/sales.xlsx')
frame.groupby('Region', as_index=False)['Sales'].sum().to_excel('outputs/by.xlsx', index=False)
total = frame['Sales'].sum()
pd.DataFrame({'Sales': [total]}).to_excel('outputs/total.xlsx', index=False)
print('total', total)"""
    ],
    "net amount by cost center": [
        """import pandas as pd
frame = pd.read_excel('inputs/costs.xlsx')
print(frame.groupby('Cost\\xa0Center')['Net  Amount'].sum().to_dict())
print(frame['VAT\\nAmount'].sum(), frame['Description '].tolist())"""
    ],
    "growth 2022 to 2023": [
        """import pandas as pd
frame = pd.read_excel('inputs/years.xlsx')
frame['Growth'] = frame[2023] / frame[2022] - 1
frame.to_excel('outputs/growth.xlsx', index=False)
print(frame['Growth'].round(4).tolist())"""
    ],
    "outgoing payments": [
        """import pandas as pd
for name in ('windows', 'wide', 'marked'):
    frame = pd.read_csv(f'inputs/{name}.csv')
    amount = frame['Betrag (€)']
    print(len(frame), float(amount[amount < 0].sum()), set(frame['Empfänger']))
    frame.to_excel(f'outputs/{name}.xlsx', index=False)"""
    ],
    "total and average price": [
        """import pandas as pd
frame = pd.read_excel('inputs/errors.xlsx')
print(frame['Price'].sum(), frame['Price'].mean(), frame['Price'].count())
frame.to_excel('outputs/prices.xlsx', index=False)"""
    ],
    "Dec 2038 by account": [
        """import pandas as pd
frame = pd.read_excel('inputs/plan.xlsx', sheet_name='Plan')
print(frame.set_index('Account')['Dec 2038'].to_dict())
items = pd.read_excel('inputs/plan.xlsx', sheet_name='Items')
print(items.loc[items['Week'] == 5, 'Amount'].sum())
items.to_excel('outputs/all.xlsx', index=False)
print(items)"""
    ],
    "total of the exports": [
        """import pandas as pd
for name in ('html', 'tabs', 'xml'):
    print(name, pd.read_excel(f'inputs/{name}.xls')['Amount'].sum())
print(len(pd.read_html('inputs/html.xls')))"""
    ],
    "total of the values": [
        """import pandas as pd
print(pd.read_excel('inputs/values.ods', header=0)['Value'].sum())"""
    ],
    "look at it": ["print('looked')"],
}


async def test_identifiers_keep_their_zeros_and_digits_from_upload_to_output(ask, tmp_path):
    asked = await ask(
        "list the accounts",
        inputs.accounts(tmp_path / "accounts.xlsx"),
        inputs.accounts_as_text(tmp_path / "accounts.csv"),
    )

    for told in (
        "'Account': identifier of 8 digits kept as a number",
        "'Customer': identifier;",
        "'Card': identifier;",
        "'Cost center': identifier of 3 digits, some kept as text and some as numbers",
        "'Country': text; 2 distinct; e.g. 'DE', 'NA'",
    ):
        assert told in asked.profile
    written = pd.read_excel(
        asked.outputs / "accounts.xlsx", engine="calamine", dtype=str, keep_default_na=False
    )
    assert written.loc[1].to_dict() == {
        "Account": "00040102",
        "Customer": "0000002",
        "Card": "400000000000000029",
        "Cost center": "2",
        "Balance": "200",
        "Country": "NA",
    }
    assert "identifiers-became-numbers" not in asked.tied_out
    assert "blanks-appeared" not in asked.tied_out


async def test_identifiers_that_lost_their_zeros_on_the_way_are_named(ask, tmp_path):
    asked = await ask(
        "copy the accounts",
        inputs.accounts(tmp_path / "accounts.xlsx"),
        inputs.accounts_as_text(tmp_path / "accounts.csv"),
    )

    assert "identifiers-became-numbers" in asked.tied_out
    assert "held identifiers (leading zeros, or many digits)" in asked.seen
    assert "'NA'" in asked.tied_out["blanks-appeared"]


async def test_formulas_that_were_never_calculated_are_named_and_computed_from_inputs(
    ask, tmp_path
):
    nets = [100, 250.5, 80, 1200]
    rows = [(f"INV-{n}", net, f"=B{n}*0.19", f"=B{n}+C{n}") for n, net in enumerate(nets, 2)]
    file = inputs.workbook(
        tmp_path / "invoices.xlsx", [("Invoice", "Net", "VAT", "Gross"), *rows], "Invoices"
    )

    asked = await ask("total of Gross", file)

    assert "'Gross': formulas that were never calculated; 4 formulas in D2:D5" in asked.profile
    said = "has 8 formula(s) that were never calculated, read as blank (C2, D2, C3 and 5 more)"
    assert said in asked.printed
    assert asked.printed.endswith("\ngross 1940.3 True\n")


async def test_subtotals_are_listed_and_summing_them_too_is_named(ask, tmp_path):
    file, grand = inputs.subtotals(tmp_path / "sales.xlsx")

    asked = await ask("sales by region", file)

    for row, label in ((32, "North Total"), (63, "South Total"), (94, "West Total")):
        assert f"{row} '{label}' (subtotal)" in asked.profile
    assert f"'Sales': integer; 100 to 329; sum {grand}" in asked.profile
    assert r"str.contains('\\bTotal$')" in asked.profile
    assert asked.printed == f"total {grand * 3}\n"  # the code did not use the recipe
    assert "total rows" in asked.tied_out["totals-included"]


async def test_names_with_blanks_and_line_breaks_are_shown_as_code_needs_them(ask, tmp_path):
    names = ("Description ", "Net  Amount", "VAT\nAmount", "Cost\u00a0Center", "Amount")
    rows = [(f"item {n}", n * 100, n * 19, f"CC{n:02}", n * 119) for n in range(1, 6)]

    asked = await ask(
        "net amount by cost center", inputs.workbook(tmp_path / "costs.xlsx", [names, *rows])
    )

    for name in names:
        assert f" {name!r}: " in asked.profile
    assert "{'CC01': 100, 'CC02': 200, 'CC03': 300, 'CC04': 400, 'CC05': 500}" in asked.printed
    assert "285 ['item 1'" in asked.printed


async def test_header_rows_are_joined_and_names_that_come_twice_are_named(ask, tmp_path):
    rows = [(f"2024-01-{n:02}", n * 10, "USD", n * 9.2, "EUR") for n in range(1, 6)]
    head = ("Date", "Amount", "Currency", "Amount", "Currency")
    files = (
        inputs.quarters(tmp_path / "plan.xlsx"),
        inputs.workbook(tmp_path / "payments.xlsx", [head, *rows]),
    )

    asked = await ask("look at it", *files)

    assert "2 header rows: 1, 2" in asked.profile
    assert "'Q2 2024 / Actual': integer; 103 to 503; sum 1515" in asked.profile
    assert "'Amount.1': number; 'Amount' again; 9.2 to 46; sum 138" in asked.profile
    for recipe, name, total in (("plan", "Q2 2024 / Actual", 1515), ("payments", "Amount.1", 138)):
        code = f"{_recipe(asked.profile, recipe)}\nprint(int(frame[{name!r}].sum()))"
        assert await asked.conversation.printed(code) == f"{total}\n"


async def test_years_in_the_header_are_numbers_and_stay_columns(ask, tmp_path):
    rows = [(name, n * 10, n * 12, n * 15) for n, name in enumerate(["Revenue", "Costs"], 1)]
    file = inputs.workbook(tmp_path / "years.xlsx", [("Line", 2021, 2022, 2023), *rows], "P&L")

    asked = await ask("growth 2022 to 2023", file)

    assert "D 2023: integer" in asked.profile
    assert asked.printed == "[0.25, 0.25]\n"
    assert asked.findings == {"outputs/growth.xlsx": []}


async def test_a_banks_csv_is_read_in_every_encoding(ask, tmp_path):
    files, paid = inputs.bank_export(tmp_path)

    asked = await ask("outgoing payments", *files)

    for encoding in ("cp1252", "utf-16", "utf-8-sig"):
        assert f"encoding '{encoding}', delimiter ';', decimal ','" in asked.profile
    assert asked.printed == f"30 {paid} {{'Müller GmbH'}}\n" * 3
    for file in files:
        written = pd.read_excel(asked.outputs / f"{file.stem}.xlsx", engine="calamine")
        assert set(written["Empfänger"]) == {"Müller GmbH"}
        assert written["Betrag (€)"][0] == -1001.5


async def test_amounts_kept_as_text_have_a_recipe_that_keeps_signs(ask, tmp_path):
    file, totals = inputs.amounts(tmp_path / "amounts.xlsx")

    asked = await ask("look at it", file)

    assert "'Swiss': number kept as text, written" in asked.profile
    code = _recipe(asked.profile, "amounts")
    sums = await asked.conversation.printed(
        f"{code}\nprint({{n: round(float(frame[n].sum()), 6) for n in {list(totals)}}})"
    )
    assert sums == f"{totals}\n"


async def test_error_cells_are_counted_by_kind_and_never_silently_blank(ask, tmp_path):
    asked = await ask("total and average price", inputs.errors(tmp_path / "errors.xlsx"))

    assert "'Price': integer; 2 error cells (1 #N/A, 1 #REF!)" in asked.profile
    assert "'Share': number; 1 error cell (#DIV/0!)" in asked.profile
    assert "'Note': text; 2 distinct; e.g. 'ok', 'N/A'" in asked.profile
    said = "has 3 error cell(s), read as blank (1 #DIV/0!, 1 #N/A, 1 #REF!).\n"
    assert asked.printed == f"Sheet 'Prices' {said}480.0 60.0 8\n"
    messages = [
        finding["message"]
        for result in asked.conversation.of_kind("result.checked")
        for finding in result["findings"]
    ]
    assert any("'Price'" in m and "2 error cells" in m for m in messages)


async def test_columns_far_behind_are_named_and_a_long_list_goes_whole_to_a_file(ask, tmp_path):
    asked = await ask("Dec 2038 by account", inputs.wide_plan(tmp_path / "plan.xlsx"))

    assert "B:FY 'Jan 2024' … 'Dec 2038' (180 columns, monthly)" in asked.profile
    for name in ("Org Week", "Week", "Weekday"):
        assert f"'{name}': integer" in asked.profile
    assert "'A1': 1179, 'A2': 2179" in asked.printed
    week = sum(n for n in range(1500) if (n + 26) % 52 + 1 == 5)
    assert f"\n{week}\n" in asked.printed
    assert len(pd.read_excel(asked.outputs / "all.xlsx", engine="calamine")) == 1500
    [result] = asked.conversation.of_kind("result.checked")
    assert "1,500 rows written" in result["line"]


async def test_what_is_only_named_xls_is_recognised_and_read(ask, tmp_path):
    asked = await ask("total of the exports", *inputs.portal_exports(tmp_path))

    for kind in ("HTML table", "Tab-separated text", "XML Spreadsheet 2003"):
        assert f"{kind} saved as .xls" in asked.profile
    assert asked.printed == "html 294.0\ntabs 294.0\nxml 294.0\n1\n"


async def test_an_open_document_is_read_without_an_engine(ask, tmp_path):
    asked = await ask("total of the values", inputs.open_document(tmp_path / "values.ods"))

    assert "OpenDocument spreadsheet" in asked.profile
    assert asked.printed == "42.0\n"


def _recipe(profile: str, stem: str) -> str:
    """Return the recipe of the first table of a file, as the model would copy it."""
    of_file = profile.split(f"File 'inputs/{stem}.", 1)[1]
    lines = of_file.split("      recipe:\n", 1)[1].splitlines()
    code = []
    for line in lines:
        if line and not line.startswith("        "):
            break
        code.append(line[8:])
    assert re.search(r"^frame = ", "\n".join(code), re.MULTILINE)
    return "\n".join(code)
