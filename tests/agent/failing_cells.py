"""Cells with ordinary faults, each with the class of its failure and what the hint must name.

The kernel has `inputs/sales.xlsx` (sheet ``Data``: ``Order Date``, ``Region``, ``Net  Amount``,
``Units``; sheet ``Budget 2024``), `inputs/bank.csv` (``Datum;Betrag``, amounts as ``1.250,50``),
the frame ``sales`` of the first sheet and the frame ``texts`` whose ``Amount`` is text.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Failing:
    """A cell that fails.

    Attributes:
        kind: The expected class.
        code: Its source.
        hint: A part of the expected hint.
    """

    kind: str
    code: str
    hint: str


READ = "import pandas as pd\n"
FAILING = [
    Failing("missing-column", "sales['Region ']", "'Region'"),
    Failing("missing-column", "sales['Net Amount'].sum()", "'Net  Amount'"),
    Failing("missing-column", "sales['region']", "'Region'"),
    Failing("missing-column", "sales.groupby('Regoin')['Units'].sum()", "'Region'"),
    Failing("missing-column", "sales.sort_values('unit')", "'Units'"),
    Failing("missing-column", "sales[['Region', 'Net Amount']]", "'Net  Amount'"),
    Failing("missing-column", "sales.loc[:, 'OrderDate']", "'Order Date'"),
    Failing("missing-column", "sales.Regions", "'Region'"),
    Failing("missing-column", "sales.drop(columns=['Unitss'])", "'Units'"),
    Failing("missing-column", "sales.set_index('Order date')", "'Order Date'"),
    Failing("missing-column", "sales.merge(texts, on='Regio')", "'Region'"),
    Failing("missing-column", "sales.pivot_table(index='Region', values='Net Amount')", "'Net  A"),
    Failing("missing-column", "pd.read_excel('inputs/sales.xlsx', usecols=['Regions'])", "'Region'"),
    Failing("missing-column", "sales.melt(id_vars=['Area'])", "'Region', 'Net  Amount'"),
    Failing("missing-column", "sales.dropna(subset=['Unit'])", "'Units'"),
    Failing("missing-column", "pd.read_csv('inputs/bank.csv')['Betrg']", "'Betrag'"),
    Failing("missing-column", "sales.agg({'Unit': 'sum'})", "'Units'"),
    Failing("missing-column", "sales.explode('Regions')", "'Region'"),
    Failing("missing-sheet", "pd.read_excel('inputs/sales.xlsx', sheet_name='data')", "'Data'"),
    Failing("missing-sheet", "pd.read_excel('inputs/sales.xlsx', sheet_name='Budget')", "'Budget 2024'"),
    Failing("missing-sheet", "pd.read_excel('inputs/sales.xlsx', sheet_name=5)", "'Budget 2024'"),
    Failing(
        "missing-sheet",
        "import openpyxl\nopenpyxl.load_workbook('inputs/sales.xlsx')['Dat']",
        "'Data'",
    ),
    Failing("missing-file", "pd.read_excel('inputs/sale.xlsx')", "'inputs/sales.xlsx'"),
    Failing("missing-file", "pd.read_csv('bank.csv', sep=';')", "'inputs/bank.csv'"),
    Failing("missing-file", "open('inputs/sales.csv')", "'inputs/sales.xlsx'"),
    Failing("missing-file", "import openpyxl\nopenpyxl.load_workbook('Sales.xlsx')", "'inputs/sales.xlsx'"),
    Failing("missing-file", "sales.to_excel('outputs/new/report.xlsx')", "mkdir"),
    Failing("missing-name", "sale.head()", "sales"),
    Failing("missing-name", "np.mean([1])", "import numpy as np"),
    Failing("missing-name", "plt.plot([1])", "import matplotlib.pyplot as plt"),
    Failing("missing-name", "dict(a=1)['b']", "list(d)"),
    Failing("wrong-type", "texts['Amount'] + 1", "recipe"),
    Failing("wrong-type", "texts['Amount'].astype(float)", "recipe"),
    Failing("wrong-type", "pd.to_numeric(texts['Amount'])", "recipe"),
    Failing("wrong-type", "float('1.250,50')", "1.250,50"),
    Failing("wrong-type", "int('n/a')", "n/a"),
    Failing("wrong-type", "texts['Amount'].mean()", "recipe"),
    Failing("wrong-type", "pd.to_datetime(['31/12/2024'], format='%Y-%m-%d')", "31/12/2024"),
    Failing("wrong-type", "sales['Units'].str.strip()", "str"),
    Failing("wrong-type", "sales['Region'].dt.year", "to_datetime"),
    Failing("wrong-type", "sales[sales['Region'] > 5]", "recipe"),
    Failing("wrong-type", "sales.merge(texts.assign(Units='1'), on='Units')", "astype"),
    Failing("wrong-type", "'total: ' + 5", "str("),
    Failing("wrong-type", "sales['Units'].astype('Int8') if False else pd.Series([1.5, None]).astype(int)", "fillna"),
    Failing("wrong-type", "sorted([1, 'a'])", "recipe"),
    Failing("wrong-type", "pd.Timestamp('2024-01-01') > '2024x'", "2024x"),
    Failing("wrong-type", "pd.Timestamp('9999-12-31') * 2", "recipe"),
    Failing("wrong-type", "len(5)", "int"),
    Failing("memory", "parts = []\nwhile True: parts.append(bytearray(50_000_000))", "usecols"),
    Failing("memory", "import numpy as np\nnp.ones(10**9)", "chunk"),
    Failing("time", "while True: pass", "iterrows"),
    Failing("forbidden", "open('inputs/sales.xlsx', 'w')", "outputs/"),
    Failing("forbidden", "from pathlib import Path\nPath('inputs/sales.xlsx').unlink()", "outputs/"),
    Failing("forbidden", "open('/etc/report.txt', 'w')", "outputs/"),
    Failing("forbidden", "pd.read_csv('https://example.com/rates.csv')", "network"),
    Failing("forbidden", "input('which region? ')", "variable"),
    Failing("syntax", "print('a'", "line 1"),
    Failing("syntax", "for x in [1]:\nprint(x)", "indent"),
    Failing("syntax", "x = = 2", "line 1"),
    Failing("syntax", "```python\nprint(1)\n```", "fence"),
    Failing("syntax", "if True print(1)", "line 1"),
    Failing("library-misuse", "sales.append(sales)", "pd.concat"),
    Failing("library-misuse", "sales.iteritems()", "use items()"),
    Failing("library-misuse", "sales.applymap(str)", "use map()"),
    Failing("library-misuse", "import numpy as np\nnp.float(1)", "float"),
    Failing("library-misuse", "pd.read_excel('inputs/sales.xlsx', sep=';')", "sep"),
    Failing("library-misuse", "import xlwings", "openpyxl"),
    Failing("library-misuse", "import no_such_library", "installed"),
    Failing("library-misuse", "import grequests", "requests, urllib or httpx2"),
    Failing("library-misuse", "from pandas import read_xls", "read_xls"),
    Failing("library-misuse", "if sales['Units'] > 3: pass", "any()"),
    Failing("library-misuse", "sales['x'] = [1, 2]", "length"),
    Failing("library-misuse", "sales.pivot(index='Region', columns='Region', values='Units')", "pivot_table"),
    Failing("library-misuse", "pd.DataFrame({'a': 1, 'b': 2})", "list"),
    Failing("library-misuse", "sales.iloc[10_000]", "rows"),
    Failing("library-misuse", "[1, 2][5]", "len("),
    Failing("library-misuse", "pd.concat([])", "empty"),
    Failing("library-misuse", "sales.to_excel('outputs/old.xls')", "Save as .xlsx"),
    Failing("library-misuse", "sales.columns = ['a']", "length"),
    Failing("library-misuse", "pd.Series([1, 2], index=[0, 0]).reindex([0, 1])", "drop_duplicates"),
    Failing("library-misuse", "raise SystemExit(0)", "exit()"),
    Failing("library-misuse", "sales.resample('M', on='Order Date').sum()", "'ME'"),
    Failing("library-misuse", "1 / 0", "zero"),
    Failing(
        "library-misuse",
        "import openpyxl\nopenpyxl.load_workbook('inputs/bank.csv')",
        "read_csv",
    ),
    Failing(
        "library-misuse",
        "import openpyxl\nbook = openpyxl.load_workbook('inputs/sales.xlsx')\nbook.active['A1'].bold = True",
        "Font",
    ),
    Failing(
        "library-misuse",
        "import openpyxl\nopenpyxl.Workbook().active['A1'] = pd.DataFrame()",
        "to_excel",
    ),
]  # fmt: skip
