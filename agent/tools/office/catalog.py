"""The Office tools: name, description, arguments, and whether one changes the workbook."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from agent.ports import ToolDeclaration
from agent.tools.office import arguments as of
from agent.tools.office.arguments import OfficeArguments, schema_of


@dataclass(frozen=True, slots=True)
class OfficeTool:
    """A tool that a pane does.

    Attributes:
        name: Its name, as the model calls it and the pane knows it.
        description: What it does, for the model.
        arguments: The model of its arguments.
        mutates: It changes the workbook, always or with some arguments.
    """

    name: str
    description: str
    arguments: type[OfficeArguments]
    mutates: bool = False

    @property
    def declaration(self) -> ToolDeclaration:
        """Name, description and JSON Schema, as a model gets them."""
        return ToolDeclaration(self.name, self.description, schema_of(self.arguments))


_ALL = (
    OfficeTool(
        "get_workbook_overview",
        "The workbook open in Excel: its sheets with their used ranges, tables, names.",
        of.GetWorkbookOverview,
    ),
    OfficeTool("read_range", "Values of cells of the workbook open in Excel.", of.ReadRange),
    OfficeTool("read_selection", "The cells selected in Excel now.", of.ReadSelection),
    OfficeTool(
        "search_cells", "Find a text in the cells of the workbook open in Excel.", of.SearchCells
    ),
    OfficeTool(
        "trace_dependencies",
        "The cells that a formula of the workbook open in Excel reads, or that read the cell.",
        of.TraceDependencies,
    ),
    OfficeTool(
        "write_cells",
        "Write values and formulas into the workbook open in Excel. Says which formulas became "
        "errors, and which cells outside the range changed.",
        of.WriteCells,
        mutates=True,
    ),
    OfficeTool(
        "fill_formula",
        "Write one formula into every cell of a range of the workbook open in Excel.",
        of.FillFormula,
        mutates=True,
    ),
    OfficeTool(
        "python_transform_range",
        "Read a range of the workbook open in Excel into Python, run code on it, write what "
        "comes out back. For what formulas do badly: cleaning, splitting, matching.",
        of.PythonTransformRange,
        mutates=True,
    ),
    OfficeTool(
        "format_cells",
        "Format cells of the workbook open in Excel: font, fill, number format, borders, widths, "
        "merging.",
        of.FormatCells,
        mutates=True,
    ),
    OfficeTool(
        "conditional_format",
        "Add a conditional format to a range of the workbook open in Excel, or clear them.",
        of.ConditionalFormat,
        mutates=True,
    ),
    OfficeTool(
        "comments",
        "List, add, answer, resolve or delete comments of the workbook open in Excel.",
        of.Comments,
        mutates=True,
    ),
    OfficeTool(
        "modify_structure",
        "Insert or delete rows or columns, add, delete or rename a sheet of the workbook open "
        "in Excel.",
        of.ModifyStructure,
        mutates=True,
    ),
    OfficeTool(
        "create_chart",
        "Make a chart of a range of the workbook open in Excel.",
        of.CreateChart,
        mutates=True,
    ),
    OfficeTool(
        "create_pivot",
        "Make a PivotTable of a range of the workbook open in Excel.",
        of.CreatePivot,
        mutates=True,
    ),
)
OFFICE_TOOLS: Mapping[str, OfficeTool] = {tool.name: tool for tool in _ALL}


def changes(name: str, arguments: Mapping[str, Any]) -> bool:
    """Return whether a call of tool *name* with these *arguments* changes the workbook."""
    if name == "comments" and arguments.get("action") == "list":
        return False
    return OFFICE_TOOLS[name].mutates


def offered(names: Collection[str]) -> list[ToolDeclaration]:
    """Return the declarations of the tools that a pane can do, given their *names*."""
    return [tool.declaration for name, tool in OFFICE_TOOLS.items() if name in names]
