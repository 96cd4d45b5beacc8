"""The arguments of the Office tools: the one source of their schemas.

The model's declarations, the check of its calls and, through the OpenAPI document, the pane's
types are made of these classes.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Address = Annotated[
    str,
    Field(
        max_length=60,
        pattern=r"^\$?[A-Za-z]{1,3}\$?[0-9]{1,7}(:\$?[A-Za-z]{1,3}\$?[0-9]{1,7})?$",
        description="A range without its sheet, such as B2:D9.",
    ),
]
SheetName = Annotated[str, Field(min_length=1, max_length=31, description="The sheet's name.")]
Scalar = str | bool | int | float | None
Rows = Annotated[list[list[Scalar]], Field(min_length=1, max_length=20_000)]
Colour = Annotated[str, Field(pattern=r"^#[0-9A-Fa-f]{6}$", description="Such as #FFF2CC.")]
MOST_WRITTEN = 200_000
"""Cells of one call."""


class OfficeArguments(BaseModel):
    """The arguments of one Office tool."""

    model_config = ConfigDict(extra="forbid")


class OnSheet(OfficeArguments):
    """Arguments that name a sheet."""

    sheet: SheetName


class OnRange(OnSheet):
    """Arguments that name a range."""

    range: Address


class GetWorkbookOverview(OfficeArguments):
    """Sheets with their used ranges, tables, names, charts."""


class ReadRange(OnRange):
    """Which cells to read."""

    formulas: bool = Field(default=False, description="Give the formulas beside the values.")


class ReadSelection(OfficeArguments):
    """The selected cells."""

    formulas: bool = Field(default=False, description="Give the formulas beside the values.")


class SearchCells(OfficeArguments):
    """What to find, and where."""

    text: str = Field(min_length=1, max_length=200, description="The text to find.")
    sheet: str = Field("", max_length=31, description="A sheet's name; else all sheets.")
    whole: bool = Field(default=False, description="The cell's whole text must match.")


class TraceDependencies(OnRange):
    """The cell whose formula is followed."""

    direction: Literal["precedents", "dependents"] = "precedents"


class WriteCells(OnRange):
    """Where to write what."""

    values: Rows = Field(
        description="Rows of cells. Text that begins with = is a formula; null empties the cell."
    )
    overwrite: bool = Field(
        default=False,
        description="Replace filled cells; without it they are left and the call fails.",
    )
    text: bool = Field(
        default=False, description="Write texts as text, also those that look otherwise."
    )

    @model_validator(mode="after")
    def _even(self) -> Self:
        widths = {len(row) for row in self.values}
        if len(widths) != 1 or 0 in widths:
            raise ValueError(f"all rows of values need the same length; there are {sorted(widths)}")
        if (cells := len(self.values) * widths.pop()) > MOST_WRITTEN:
            raise ValueError(f"{cells:,} cells are too many for one call: {MOST_WRITTEN:,} at most")
        return self


class FillFormula(OnRange):
    """The formula of the range's first cell; relative references move along."""

    formula: str = Field(
        min_length=2,
        max_length=8192,
        pattern=r"^=",
        description="In English, as in the range's first cell; such as =B2*C2.",
    )
    overwrite: bool = Field(default=False, description="Replace filled cells.")


class PythonTransformRange(OnRange):
    """A range that Python changes."""

    code: str = Field(
        min_length=1,
        max_length=100_000,
        description="Python. The range is the DataFrame `cells` (columns named by its first row); "
        "assign the DataFrame to be written to `result`.",
    )
    target_sheet: str = Field("", max_length=31, description="Where to write; else the same sheet.")
    target_cell: str = Field(
        "",
        max_length=12,
        pattern=r"^([A-Za-z]{1,3}[0-9]{1,7})?$",
        description="Its top left cell; else that of the range.",
    )
    overwrite: bool = Field(default=False, description="Replace filled cells.")


class FormatCells(OnRange):
    """Only what is named changes."""

    bold: bool | None = None
    italic: bool | None = None
    underline: bool | None = None
    font_size: Annotated[float, Field(ge=1, le=409)] | None = None
    font_colour: Colour | None = None
    fill_colour: Colour | Literal["none"] | None = None
    number_format: str | None = Field(None, max_length=250, description="Such as #,##0.00.")
    horizontal: Literal["left", "center", "right", "general"] | None = None
    vertical: Literal["top", "center", "bottom"] | None = None
    wrap: bool | None = None
    borders: Literal["all", "outline", "bottom", "none"] | None = None
    column_width: Literal["fit"] | Annotated[float, Field(ge=1, le=2000)] | None = Field(
        None, description="In points, or `fit`."
    )
    merge: Literal["merge", "rows", "unmerge"] | None = Field(
        None, description="`merge` makes one cell, `rows` one in each row; others lose content."
    )


class ConditionalFormat(OnRange):
    """A rule, or its removal."""

    kind: Literal["custom", "cell_value", "contains_text", "top_bottom", "preset", "clear"]
    formula: str = Field("", max_length=8192, description="Of custom, and cell_value's bound.")
    second_formula: str = Field("", max_length=8192, description="cell_value: the other bound.")
    operator: Literal[
        "between", "not_between", "equal", "not_equal", "greater", "less", "greater_or_equal",
        "less_or_equal",
    ] = "greater"  # fmt: skip
    text: str = Field("", max_length=255, description="Of contains_text.")
    rank: int = Field(10, ge=1, le=1000, description="Of top_bottom.")
    top_bottom: Literal["top_items", "bottom_items", "top_percent", "bottom_percent"] = "top_items"
    preset: Literal[
        "duplicates", "uniques", "blanks", "errors", "above_average", "below_average"
    ] = "duplicates"  # fmt: skip
    fill_colour: Colour | None = None
    font_colour: Colour | None = None


class Comments(OnSheet):
    """What to do with a cell's comments."""

    action: Literal["list", "add", "reply", "resolve", "delete"]
    cell: str = Field(
        "",
        max_length=12,
        pattern=r"^([A-Za-z]{1,3}[0-9]{1,7})?$",
        description="Such as B2; without it `list` has all.",
    )
    text: str = Field("", max_length=10_000)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.action != "list" and not self.cell:
            raise ValueError(f"{self.action} needs a cell")
        if self.action in ("add", "reply") and not self.text.strip():
            raise ValueError(f"{self.action} needs a text")
        return self


class ModifyStructure(OnSheet):
    """One change of rows, columns or sheets."""

    action: Literal[
        "insert_rows", "delete_rows", "insert_columns", "delete_columns", "add_sheet",
        "delete_sheet", "rename_sheet",
    ]  # fmt: skip
    first: int = Field(1, ge=1, le=1_048_576, description="First row or column, from 1.")
    count: int = Field(1, ge=1, le=10_000)
    new_name: str = Field("", max_length=31, description="Of rename_sheet.")
    lose_objects: bool = Field(
        default=False,
        description="The user agreed to lose charts, PivotTables or pictures for good.",
    )

    @model_validator(mode="after")
    def _named(self) -> Self:
        if self.action == "rename_sheet" and not self.new_name.strip():
            raise ValueError("rename_sheet needs new_name")
        return self


class CreateChart(OnRange):
    """A chart of the range's cells."""

    kind: Literal["column", "stacked_column", "bar", "line", "area", "pie", "doughnut", "scatter"]
    title: str = Field("", max_length=255)
    series_by: Literal["auto", "rows", "columns"] = "auto"
    place: str = Field(
        "",
        max_length=12,
        pattern=r"^([A-Za-z]{1,3}[0-9]{1,7})?$",
        description="The cell at its top left corner.",
    )


class PivotValue(OfficeArguments):
    """A field that is summed up."""

    field: str = Field(max_length=255)
    how: Literal["sum", "count", "average", "max", "min"] = "sum"


class CreatePivot(OnRange):
    """A PivotTable of the range, whose first row has the names of its fields."""

    name: str = Field(min_length=1, max_length=255)
    target_sheet: SheetName
    target_cell: str = Field("A3", max_length=12, pattern=r"^[A-Za-z]{1,3}[0-9]{1,7}$")
    rows: list[str] = Field(default_factory=list, max_length=10)
    columns: list[str] = Field(default_factory=list, max_length=10)
    values: list[PivotValue] = Field(min_length=1, max_length=10)


def schema_of(arguments: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON Schema of *arguments*, complete in itself: models know no references."""
    schema = arguments.model_json_schema()
    definitions = schema.pop("$defs", {})

    def inlined(value: Any) -> Any:
        if isinstance(value, list):
            return [inlined(each) for each in value]
        if not isinstance(value, dict):
            return value
        if reference := value.get("$ref"):
            return inlined(definitions[reference.rpartition("/")[2]])
        return {
            k: inlined(v) for k, v in value.items() if not (k == "title" and isinstance(v, str))
        }

    properties = {name: inlined(each) for name, each in schema.get("properties", {}).items()}
    return {"type": "object", "properties": properties, "required": schema.get("required", [])}
