"""Ordinary answers: every number in them is in a result, a file or the request, or follows."""

SALES = """rows before 183, after 111
        Region     Q1        Q2        Q3
0        North  31204.55  28911.20  30450.00
1        South  22010.10  24500.75  26120.40
2         East  18455.00  17320.25  19880.95
3         West  10233.41  11020.10  11289.68
total 251395.66 mean 2264.83 median 1987.5
share filter 0.6066
"""
BOOK = """      Account     Budget     Actual   Variance
4000  Revenue   1200000.0  1284331.2    84331.2
5000  COGS      -700000.0  -741220.9   -41220.9
6000  Opex      -300000.0  -288450.0    11550.0
net 254660.3 margin 0.19828
rows 1,204 checked; 37 unmatched; largest difference 12,450.75 (invoice INV-20931)
"""
LOAN = """payment 1887.12 total interest 66227.88 periods 120
npv 104331.77 irr 0.1243 discount 0.08
"""
COUNTS = """unique customers 1482
orders 5230 total 1894220.37 average 362.18
above 1000: 412 orders, 743119.02
null emails 96 duplicates 23
Jan 120340.1
Feb 118220.9
Mar 131002.7
"""
TAX = "{'vat': 0.19, 'net': 84033.61, 'gross': 100000.0, 'tax': 15966.39}\nage days: 30 45 61 97\n"

REGIONS = """Region
East     19100.11
North    29676.42
South    22871.33
West     26292.33
Name: Sales, dtype: float64
Date
1    30480.12
2    32766.07
3    34694.00
Name: Sales, dtype: float64
60 97940.19 1265
"""

ORDINARY: list[tuple[str, str, str]] = [
    # (what was printed, the request, the answer)
    (REGIONS, "shares", "North has 30.3% of sales, West 27%."),
    (REGIONS, "growth", "February was +7.5% against January, March +5.9% against February."),
    (REGIONS, "means", "On average 32,646.73 a month, 1,632.34 a sale and 77.42 per unit."),
    (REGIONS, "both", "North and West together: 55,968.75, i.e. 57.1%."),
    (REGIONS, "year", "Annualised that is 391,760.76."),
    (REGIONS, "tax", "With 21 % VAT: 118,507.63; the VAT is 20,567.44."),
    (REGIONS, "ratio", "North sells 1.55 times as much as East."),
    (REGIONS, "index", "Index (January = 100): February 107.5, March 113.8."),
    (SALES, "stack them, Sales > 1000", "Done: 111 of 183 rows have Sales above 1,000. They add up to 251,395.66."),
    (SALES, "stack", "The filter kept 60.7 % of the rows (111 of 183); 72 were left out."),
    (SALES, "stack", "Total sales are about 251,400, or roughly 0.25 million."),
    (SALES, "stack", "Total sales: $251.4k. The mean is 2,264.83 and the median 1,987.50."),
    (SALES, "by region", "| Region | Q1 | Q2 | Q3 |\n|---|---:|---:|---:|\n| North | 31,204.55 | 28,911.20 | 30,450.00 |\n| South | 22,010.10 | 24,500.75 | 26,120.40 |"),
    (SALES, "by region", "| Region | Q1 |\n|---|---|\n| North | 31,204.55 |\n| South | 22,010.10 |\n| East | 18,455.00 |\n| West | 10,233.41 |\n| **Total** | **81,903.06** |"),
    (SALES, "growth", "North fell by 2,293.35 (-7.3 %) from Q1 (31,204.55) to Q2 (28,911.20)."),
    (SALES, "growth", "South grew from 22,010 in Q1 to 24,501 in Q2, up 11.3 %."),
    (SALES, "which best", "1. North: 31.2k\n2. South: 22.0k\n3. East: 18.5k\n4. West: 10.2k"),
    (SALES, "share", "North's Q1 sales of 31,204.55 are 12.4 % of the total of 251,395.66."),
    (SALES, "quarters 2024", "Q1 2024 to Q3 2024 in 3 columns, written to outputs/pivot_2024.xlsx (4 rows)."),
    (SALES, "german", "Der Gesamtumsatz beträgt 251.395,66 €, das sind 60,7 % der Zeilen."),
    (SALES, "german", "Die Summe ist rund 251 Tsd. €; im Mittel 2.264,83 €."),
    (SALES, "french", "Le total est de 251\u202f395,66 €."),
    (SALES, "swiss", "Total CHF 251'395.66 for 111 rows."),
    (SALES, "cell", "The total stands in cell C115 of sheet 'Pivot', next to row 114."),
    (SALES, "date", "As of 31 March 2024 the total is 251,395.66; refreshed at 10:45."),
    (SALES, "date", "The data run from 2023-01-01 to 2024-12-31, 111 rows in all."),
    (SALES, "fy", "FY2023/24 sales came to 251,396."),
    (SALES, "approx", "Roughly a quarter of a million (just over 251,000) in all."),
    (BOOK, "budget vs actual", "Revenue is 84,331.20 above the budget of 1,200,000 (+7.0 %)."),
    (BOOK, "budget vs actual", "Revenue came in at 1.28 million against a budget of 1.2 million."),
    (BOOK, "budget vs actual", "COGS overran by 41,220.90, i.e. 5.9 % of its 700,000 budget."),
    (BOOK, "budget vs actual", "Opex is 11,550 better than planned: 288,450 against 300,000."),
    (BOOK, "net", "Net result: 254,660.30, a margin of 19.8 %."),
    (BOOK, "net", "The net result is EUR 254.7k (margin 19.83 %)."),
    (BOOK, "reconcile", "Of 1,204 rows 37 did not match; the largest difference is 12,450.75 (invoice INV-20931)."),
    (BOOK, "reconcile", "1,167 of 1,204 rows match (96.9 %), 37 don't."),
    (BOOK, "reconcile", "3.1 % of the rows (37 of 1,204) are unmatched."),
    (BOOK, "accounts", "Accounts 4000, 5000 and 6000 were compared; account 4000 has the largest variance, 84,331.20."),
    (BOOK, "thousands", "In thousands: revenue 1,284, COGS -741, opex -288."),
    (BOOK, "parentheses", "COGS variance: (41,220.90); revenue variance: 84,331.20."),
    (BOOK, "budget total", "Budgeted profit is 200,000: 1,200,000 less 700,000 and 300,000."),
    (BOOK, "formula", "I wrote `=SUM(D2:D4)` into D5; it gives 54,660.30 as the sum of 84,331.20, -41,220.90 and 11,550.00."),
    (BOOK, "list", "- Revenue: +84,331.20\n- COGS: -41,220.90\n- Opex: +11,550.00"),
    (LOAN, "loan of 160000 at 7.5% over 10 years", "The monthly payment is 1,887.12 over 120 months; interest adds up to 66,227.88 on the 160,000 borrowed."),
    (LOAN, "loan of 160,000", "You pay 1,887 a month. Interest: 66,228, 41.4 % of the 160,000."),
    (LOAN, "loan", "Total interest is about 66,000 over 120 payments of 1,887.12."),
    (LOAN, "npv at 8%", "NPV at 8 %: 104,331.77. The IRR is 12.4 %, 4.4 points above."),
    (LOAN, "npv at 8%", "The NPV is ~104.3k and the IRR 12.43 %."),
    (LOAN, "npv", "IRR = 0.1243, so it clears the 8 % hurdle."),
    (COUNTS, "unique customers", "There are 1,482 unique customers in 5,230 orders, or 3.5 orders each."),
    (COUNTS, "orders", "5,230 orders total 1,894,220.37; the average order is 362.18."),
    (COUNTS, "orders above 1000", "412 orders are above 1,000; together 743,119.02, which is 39.2 % of 1,894,220.37."),
    (COUNTS, "orders above 1000", "412 of 5,230 orders (7.9 %) are above 1000."),
    (COUNTS, "clean", "96 e-mail addresses are missing and 23 rows are duplicates; 5,207 of 5,230 rows remain."),
    (COUNTS, "months", "January: 120,340.10, February: 118,220.90, March: 131,002.70. The quarter: 369,563.70."),
    (COUNTS, "months", "March is the best month with 131,003, 10.8 % above February (118,221)."),
    (COUNTS, "months", "| Month | Sales |\n|---|---|\n| Jan | 120,340.10 |\n| Feb | 118,220.90 |\n| Mar | 131,002.70 |\n| Total | 369,563.70 |"),
    (COUNTS, "average", "The average of the three months is 123,187.90 (369,563.70 / 3)."),
    (COUNTS, "millions", "Sales reached $1.89M, of which $0.74M from large orders."),
    (COUNTS, "millions", "Umsatz 1,89 Mio. €, davon 0,74 Mio. € aus 412 Aufträgen."),
    (COUNTS, "excel limit", "5,230 rows fit easily: a sheet takes 1,048,576 rows."),
    (COUNTS, "advice", "412 orders qualify. You could set a higher limit, for example 2,500 or 5,000."),
    (COUNTS, "top 50 customers", "The top 50 customers are in outputs/top_50.xlsx, out of 1,482."),
    (TAX, "vat at 19%", "Net 84,033.61 plus 19 % VAT of 15,966.39 gives 100,000.00."),
    (TAX, "vat", "The gross of 100,000 holds VAT of 15,966.39 (19%)."),
    (TAX, "ageing", "Buckets are 0-30, 31-60, 61-90 and over 90 days; the oldest item is 97 days old."),
    (TAX, "ageing in 30/60/90", "Items are 30, 45, 61 and 97 days old."),
    (TAX, "code", "I ran `df[df.days > 45]`; see section 2.3 and version 3.11 of the notes."),
    (TAX, "nothing", "I could not read the file: it is protected with a password. Please upload it without one."),
    (TAX, "vba", "Paste this:\n```vba\nIf x > 98765 Then y = 123456\n```\nIt marks items over 97 days."),
]  # fmt: skip
