"""A kernel's openpyxl keeps the parts of a workbook that it does not know."""

from notebooks.workbooks.keep.parts import lost
from tests.corpus.rich_template import make_template
from tests.docker_engine import on_every_backend

FILL = """
import openpyxl
book = openpyxl.load_workbook("template.xlsx")
book["Model"]["B2"] = 42
book.save("outputs/filled.xlsx")
print(openpyxl.load_workbook("outputs/filled.xlsx")["Model"]["B2"].value)
"""


@on_every_backend
async def test_a_template_that_a_cell_has_filled_is_whole(start_kernel):
    kernel = await start_kernel()
    template = kernel.session.workspace.directory / "template.xlsx"
    make_template(template)

    reply = await kernel.run("import warnings; warnings.simplefilter('ignore')\n" + FILL)

    filled = template.parent / "outputs" / "filled.xlsx"
    assert (reply.status, kernel.text()) == ("ok", "42\n")
    assert lost(template, filled, {"Model": "Model", "Lists": "Lists"}) == {}
    assert sorted(path.name for path in filled.parent.iterdir()) == ["filled.xlsx"]


async def test_inputs_can_not_be_written_and_the_error_says_so(start_kernel):
    kernel = await start_kernel()
    make_template(kernel.session.workspace.directory / "inputs" / "template.xlsx")

    reply = await kernel.run(
        "import openpyxl\n"
        "openpyxl.load_workbook('inputs/template.xlsx').save('inputs/template.xlsx')"
    )

    assert reply.status == "error"
    assert "inputs/template.xlsx" in reply.evalue
