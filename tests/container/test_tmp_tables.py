import json
from tests.conftest import EXAMPLES
import shutil
async def test_tables(start_kernel):
    kernel = await start_kernel()
    inputs = kernel.session.workspace.directory / "inputs"
    for f in EXAMPLES.glob("*.xlsx"): shutil.copy(f, inputs / f.name)
    r = await kernel.run("""import pandas as pd
df = pd.read_excel('inputs/sales_q1.xlsx', header=3)
lk = pd.DataFrame({"Region": ["North", "North"], "Boss": ["a", "b"]})
df = df[df["Sales"] > 1000]
df = df.dropna(subset=["Region"])
df = df.query("Units > 3").drop_duplicates()
df = df.loc[df.Units > 5, ["Region", "Sales"]]
df["Sales"] = df["Sales"] * 1
big = df.merge(lk, on="Region", how="left")
with pd.ExcelWriter("outputs/x.xlsx") as w:
    big.groupby("Region")["Sales"].sum().to_excel(w, sheet_name="S")
    big.pivot_table(index="Region", values="Sales", aggfunc="sum").to_excel(w, sheet_name="P")
big.to_csv("outputs/y.csv")
import openpyxl
wb = openpyxl.load_workbook("outputs/x.xlsx"); wb.save("outputs/z.xlsx")
""")
    print(r.status, r.evalue, json.dumps(r.tables, indent=None))
    import time
    for code in ("x = 1", "df[df.Sales>1500]", ):
        print(code, (await kernel.run(code)).seconds)
    print((await kernel.run("""
import time, pandas as pd, numpy as np
d = pd.DataFrame({"a": np.arange(100.)})
m = d.a > 50
t=time.perf_counter()
for _ in range(3000): d[m]
print((time.perf_counter()-t)/3000*1e6, "us")
""")))
