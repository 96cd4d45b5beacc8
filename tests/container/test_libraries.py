"""The libraries that finance people's code expects are there, and cost nothing until used."""

from tests.docker_engine import on_every_backend

USED = """
import lxml.etree, numpy_financial, odf.opendocument, pyxlsb, scipy.stats, seaborn, tqdm, xlrd
import statsmodels.api as sm
import numpy as np, pandas as pd, io
print(round(numpy_financial.irr([-100, 60, 60]), 4), scipy.stats.norm.cdf(0))
print(sm.OLS(np.arange(5.0), sm.add_constant(np.arange(5.0) ** 2)).fit().nobs)
print(pd.read_html(io.StringIO("<table><tr><th>a</th></tr><tr><td>1</td></tr></table>"))[0].a[0])
pd.DataFrame({"a": [1.5]}).to_excel("/workspace/outputs/a.ods")
print(pd.read_excel("/workspace/outputs/a.ods").a.sum())
print(sum(tqdm.tqdm(range(4), disable=True)))
"""


@on_every_backend
async def test_the_usual_libraries_of_finance_work(start_kernel):
    kernel = await start_kernel()
    (kernel.session.workspace.directory / "outputs").mkdir(exist_ok=True)

    reply = await kernel.run(USED)

    assert reply.status == "ok", reply
    assert kernel.text().split() == ["0.1307", "0.5", "5.0", "1", "1.5", "6"]


async def test_none_of_them_is_loaded_before_a_cell_asks_for_it(start_kernel):
    kernel = await start_kernel()

    await kernel.run(
        "import sys\n"
        "print({'lxml', 'odf', 'pyxlsb', 'scipy', 'seaborn', 'statsmodels', 'tqdm', 'xlrd'}\n"
        "      & set(sys.modules))"
    )

    assert kernel.text() == "set()\n"
