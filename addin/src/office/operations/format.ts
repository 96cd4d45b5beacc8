// Formats, merges and conditional formats of cells.
import type { Schemas } from "../../api/events";
import { hasApi, tooOld, WorkbookProblem } from "../problems";
import { boxOf, type Job } from "./job";

type Tools = Schemas["OfficeTools"];

const HORIZONTAL = { left: "Left", center: "Center", right: "Right", general: "General" } as const;
const VERTICAL = { top: "Top", center: "Center", bottom: "Bottom" } as const;
const EDGES = ["EdgeTop", "EdgeBottom", "EdgeLeft", "EdgeRight"] as const;
const INNER = ["InsideHorizontal", "InsideVertical"] as const;

export async function formatCells(job: Job, asked: Tools["format_cells"]): Promise<object> {
  boxOf(asked.range);
  const sheet = await job.sheet(asked.sheet);
  const range = sheet.getRange(asked.range);
  if (asked.merge) await merge(job, range, asked.merge);
  const { font, fill } = range.format;
  if (asked.bold !== null) font.bold = asked.bold;
  if (asked.italic !== null) font.italic = asked.italic;
  if (asked.underline !== null) font.underline = asked.underline ? "Single" : "None";
  if (asked.font_size !== null) font.size = asked.font_size;
  if (asked.font_colour !== null) font.color = asked.font_colour;
  if (asked.fill_colour === "none") fill.clear();
  else if (asked.fill_colour !== null) fill.color = asked.fill_colour;
  if (asked.number_format !== null) range.numberFormat = asked.number_format as unknown as string[][];
  if (asked.horizontal) range.format.horizontalAlignment = HORIZONTAL[asked.horizontal];
  if (asked.vertical) range.format.verticalAlignment = VERTICAL[asked.vertical];
  if (asked.wrap !== null) range.format.wrapText = asked.wrap;
  if (asked.borders) draw(range, asked.borders);
  if (asked.column_width === "fit") range.format.autofitColumns();
  else if (asked.column_width !== null) range.format.columnWidth = asked.column_width;
  await job.sync();
  const named = Object.entries(asked).filter(([name, value]) => value !== null && name !== "sheet" && name !== "range");
  return { formatted: `${asked.sheet}!${asked.range}`, summary: `${named.map(([name]) => name.replaceAll("_", " ")).join(", ")} of ${asked.sheet}!${asked.range}` };
}

async function merge(job: Job, range: Excel.Range, how: "merge" | "rows" | "unmerge"): Promise<void> {
  if (how === "unmerge") {
    range.unmerge();
    return;
  }
  range.load("values");
  await job.sure();
  // Excel keeps the top left content alone: losing content has to be asked for by emptying cells first.
  const lost = range.values.flatMap((row, r) => row.filter((value, c) => value !== "" && (how === "rows" ? c > 0 : r + c > 0)));
  if (lost.length > 0) {
    throw new WorkbookProblem(
      "merge-loses-content", `Merging would lose the content of ${lost.length} cells. Nothing was changed.`,
      "Move their content first, or choose centred alignment instead of merging.",
    );
  }
  range.merge(how === "rows");
}

function draw(range: Excel.Range, which: "all" | "outline" | "bottom" | "none"): void {
  const edges = which === "bottom" ? ["EdgeBottom" as const] : which === "outline" ? EDGES : [...EDGES, ...INNER];
  for (const edge of edges) range.format.borders.getItem(edge).style = which === "none" ? "None" : "Continuous";
}

const OPERATORS = {
  between: "Between", not_between: "NotBetween", equal: "EqualTo", not_equal: "NotEqualTo", greater: "GreaterThan",
  less: "LessThan", greater_or_equal: "GreaterThanOrEqual", less_or_equal: "LessThanOrEqual",
} as const;
const RANKS = { top_items: "TopItems", bottom_items: "BottomItems", top_percent: "TopPercent", bottom_percent: "BottomPercent" } as const;
const PRESETS = {
  duplicates: "DuplicateValues", uniques: "UniqueValues", blanks: "Blanks", errors: "Errors",
  above_average: "AboveAverage", below_average: "BelowAverage",
} as const;

export async function conditionalFormat(job: Job, asked: Tools["conditional_format"]): Promise<object> {
  if (!hasApi("1.6")) throw tooOld();
  boxOf(asked.range);
  if (["custom", "cell_value"].includes(asked.kind) && !asked.formula) {
    throw new WorkbookProblem("formula-missing", `${asked.kind} needs a formula.`, "Give one, such as =$C2>1000.");
  }
  if (asked.kind === "contains_text" && !asked.text) {
    throw new WorkbookProblem("text-missing", "contains_text needs a text.", "Give the text.");
  }
  const sheet = await job.sheet(asked.sheet);
  const all = sheet.getRange(asked.range).conditionalFormats;
  const place = `${asked.sheet}!${asked.range}`;
  if (asked.kind === "clear") {
    all.clearAll();
    await job.sync();
    return { cleared: place, summary: `Conditional formats of ${place} cleared` };
  }
  const format = rule(all, asked);
  format.fill.color = asked.fill_colour ?? "#FFEB9C";
  if (asked.font_colour) format.font.color = asked.font_colour;
  await job.sync();
  return { added: asked.kind, range: place, summary: `${asked.kind.replaceAll("_", " ")} rule on ${place}` };
}

function rule(all: Excel.ConditionalFormatCollection, asked: Tools["conditional_format"]): Excel.ConditionalRangeFormat {
  switch (asked.kind) {
    case "custom": {
      const { custom } = all.add("Custom");
      custom.rule.formula = asked.formula;
      return custom.format;
    }
    case "cell_value": {
      const { cellValue } = all.add("CellValue");
      cellValue.rule = {
        formula1: asked.formula, operator: OPERATORS[asked.operator], ...(asked.second_formula ? { formula2: asked.second_formula } : {}),
      };
      return cellValue.format;
    }
    case "contains_text": {
      const { textComparison } = all.add("ContainsText");
      textComparison.rule = { operator: "Contains", text: asked.text };
      return textComparison.format;
    }
    case "top_bottom": {
      const { topBottom } = all.add("TopBottom");
      topBottom.rule = { rank: asked.rank, type: RANKS[asked.top_bottom] };
      return topBottom.format;
    }
    default: {
      const { preset } = all.add("PresetCriteria");
      preset.rule = { criterion: PRESETS[asked.preset] };
      return preset.format;
    }
  }
}
