// What a change in Excel is about to change, and how to put it back. Putting back is a change as
// well: it makes a snapshot of its own, so that it can be taken back.
import type { Schemas } from "../api/events";
import { hasApi, WorkbookProblem } from "../office/problems";
import { boxOf, cellName, type Job, localAddress } from "../office/operations/job";
import { span } from "../office/operations/structure";

export interface Held {
  /** Top left cell of what is held. */
  row: number;
  column: number;
  rows: number;
  columns: number;
  /** As they are written: a text has an apostrophe before it. */
  formulas: (string | number | boolean)[][];
  numberFormat: string[][];
  /** Formats of each cell; absent where this Excel can't give them. */
  properties?: object[][];
  merges?: string[];
  /** What could not be kept, in words. */
  missing: string[];
}

/** What to do to undo a change. */
export type Snapshot =
  | { kind: "cells"; sheet: string; held: Held }
  | { kind: "deleted"; sheet: string; lines: "rows" | "columns"; first: number; count: number; held: Held | null }
  | { kind: "inserted"; sheet: string; lines: "rows" | "columns"; first: number; count: number }
  | { kind: "sheet-deleted"; sheet: string; held: Held | null }
  | { kind: "sheet-added"; sheet: string }
  | { kind: "sheet-renamed"; sheet: string; before: string };

export const MOST_HELD = 20_000;
const MOST_CHARACTERS = 1_500_000;
const CELL_FORMAT = {
  format: {
    fill: { color: true, pattern: true }, font: { bold: true, color: true, italic: true, name: true, size: true, underline: true },
    horizontalAlignment: true, verticalAlignment: true, wrapText: true,
  },
};
type Tools = Schemas["OfficeTools"];

/** The cells that a tool is about to change; null where it leaves cells alone. */
function cellsOf(tool: string, asked: { range?: string; values?: unknown[][] }): string | null {
  if (!["write_cells", "fill_formula", "format_cells"].includes(tool) || !asked.range) return null;
  if (tool !== "write_cells" || !asked.values) return asked.range;
  const { row, column } = boxOf(asked.range);
  return `${cellName(row, column)}:${cellName(row + asked.values.length - 1, column + (asked.values[0]?.length ?? 1) - 1)}`;
}

/** Take a snapshot before *tool* works; null if this change can't be taken back from here. */
export async function snapshotBefore(job: Job, tool: string, asked: Record<string, unknown>): Promise<Snapshot | null> {
  if (tool === "modify_structure") return beforeStructure(job, asked as unknown as Tools["modify_structure"]);
  const range = cellsOf(tool, asked);
  if (range === null) return null;
  const sheet = await job.sheet(String(asked.sheet));
  return { kind: "cells", sheet: sheet.name, held: await hold(job, sheet.getRange(range)) };
}

async function beforeStructure(job: Job, asked: Tools["modify_structure"]): Promise<Snapshot> {
  if (asked.action === "add_sheet") return { kind: "sheet-added", sheet: asked.sheet };
  if (asked.action === "rename_sheet") return { kind: "sheet-renamed", sheet: asked.new_name, before: asked.sheet };
  const sheet = await job.sheet(asked.sheet);
  if (asked.action === "delete_sheet") return { kind: "sheet-deleted", sheet: sheet.name, held: await holdUsed(job, sheet.getUsedRangeOrNullObject()) };
  const lines = asked.action.endsWith("rows") ? "rows" : "columns";
  const place = { sheet: sheet.name, lines, first: asked.first, count: asked.count } as const;
  if (asked.action.startsWith("insert")) return { kind: "inserted", ...place };
  return { kind: "deleted", ...place, held: await holdUsed(job, sheet.getRange(span(asked)).getUsedRangeOrNullObject()) };
}

async function holdUsed(job: Job, used: Excel.Range): Promise<Held | null> {
  used.load("address");
  await job.sync();
  return used.isNullObject ? null : hold(job, used);
}

async function hold(job: Job, range: Excel.Range): Promise<Held> {
  range.load("rowIndex,columnIndex,rowCount,columnCount");
  await job.sync();
  const { rowIndex: row, columnIndex: column, rowCount: rows, columnCount: columns } = range;
  if (rows * columns > MOST_HELD) throw new TooMuch(`${rows * columns} cells are more than ${MOST_HELD}`);
  range.load("formulas,values,numberFormat");
  const properties = hasApi("1.9") ? range.getCellProperties(CELL_FORMAT) : null;
  const merged = hasApi("1.13") ? range.getMergedAreasOrNullObject().load("address") : null;
  await job.sync();
  const missing = ["conditional formats", "comments", ...(properties ? [] : ["formats"]), ...(merged ? [] : ["merged cells"])];
  const held: Held = {
    row, column, rows, columns, formulas: range.formulas.map((line, r) => line.map((formula, c) => asWritten(formula, range.values[r]?.[c]))), numberFormat: range.numberFormat as string[][], missing,
    ...(properties ? { properties: properties.value } : {}),
    ...(merged ? { merges: merged.isNullObject ? [] : merged.address.split(",").map(localAddress) } : {}),
  };
  if (JSON.stringify(held).length > MOST_CHARACTERS) throw new TooMuch("its cells hold more than 1.5 MB");
  return held;
}

/** There is more than a checkpoint keeps. */
export class TooMuch extends WorkbookProblem {
  constructor(why: string) {
    super("too-much-to-keep", why, "Change fewer cells at once.");
  }
}

/** The snapshot to take before *snapshot* is put back: what takes that back again. */
export async function inverseOf(job: Job, snapshot: Snapshot): Promise<Snapshot> {
  if (snapshot.kind === "sheet-deleted") return { kind: "sheet-added", sheet: snapshot.sheet };
  if (snapshot.kind === "sheet-renamed") return { kind: "sheet-renamed", sheet: snapshot.before, before: snapshot.sheet };
  if (snapshot.kind === "deleted") return { kind: "inserted", sheet: snapshot.sheet, lines: snapshot.lines, first: snapshot.first, count: snapshot.count };
  const sheet = await job.sheet(snapshot.sheet);
  if (snapshot.kind === "cells") return { ...snapshot, held: await hold(job, areaOf(sheet, snapshot.held)) };
  if (snapshot.kind === "sheet-added") return { kind: "sheet-deleted", sheet: sheet.name, held: await holdUsed(job, sheet.getUsedRangeOrNullObject()) };
  const { lines, first, count } = snapshot;
  const used = sheet.getRange(span({ action: `delete_${lines}`, first, count })).getUsedRangeOrNullObject();
  return { kind: "deleted", sheet: sheet.name, lines, first, count, held: await holdUsed(job, used) };
}

const areaOf = (sheet: Excel.Worksheet, held: Held): Excel.Range =>
  sheet.getRange(cellName(held.row, held.column)).getResizedRange(held.rows - 1, held.columns - 1);

/** Put *snapshot* back; returns what was done, in words. */
export async function putBack(job: Job, snapshot: Snapshot): Promise<string> {
  const { worksheets } = job.context.workbook;
  if (snapshot.kind === "sheet-deleted") {
    const taken = worksheets.getItemOrNullObject(snapshot.sheet).load("name");
    await job.sure();
    if (!taken.isNullObject) throw new WorkbookProblem("sheet-exists", `There is a sheet ${JSON.stringify(snapshot.sheet)} again.`, "Rename it first.");
    worksheets.add(snapshot.sheet);
    await job.sync();
    if (snapshot.held) await fill(job, worksheets.getItem(snapshot.sheet), snapshot.held);
    return `Sheet ${snapshot.sheet} is back.`;
  }
  const sheet = await job.sheet(snapshot.sheet);
  switch (snapshot.kind) {
    case "cells":
      await fill(job, sheet, snapshot.held);
      return `${snapshot.sheet}!${areaName(snapshot.held)} is as it was.`;
    case "sheet-added":
      sheet.delete();
      await job.sync();
      return `Sheet ${snapshot.sheet} is removed again.`;
    case "sheet-renamed":
      sheet.name = snapshot.before;
      await job.sync();
      return `The sheet is called ${snapshot.before} again.`;
    case "inserted":
    case "deleted": {
      const { lines, first, count } = snapshot;
      const range = sheet.getRange(span({ action: `insert_${lines}`, first, count }));
      if (snapshot.kind === "inserted") range.delete(lines === "rows" ? "Up" : "Left");
      else range.insert(lines === "rows" ? "Down" : "Right");
      await job.sync();
      if (snapshot.kind === "deleted" && snapshot.held) await fill(job, sheet, snapshot.held);
      return `${count} ${lines} of ${snapshot.sheet} are ${snapshot.kind === "inserted" ? "removed again" : "back"}.`;
    }
  }
}

export const areaName = (held: Held): string => {
  const first = cellName(held.row, held.column);
  const last = cellName(held.row + held.rows - 1, held.column + held.columns - 1);
  return first === last ? first : `${first}:${last}`;
};

async function fill(job: Job, sheet: Excel.Worksheet, held: Held): Promise<void> {
  const range = areaOf(sheet, held);
  if (held.merges) range.unmerge();
  range.numberFormat = held.numberFormat;
  range.formulas = held.formulas;
  if (held.properties) {
    range.format.fill.clear();
    range.setCellProperties(held.properties.map((row) => row.map((each) => withoutEmptyFill(each))));
  }
  for (const area of held.merges ?? []) sheet.getRange(area).merge(false);
  await job.sync();
}

/** A cell without a fill says it is white: written back, that would hide its grid lines. */
function withoutEmptyFill(properties: object): Excel.SettableCellProperties {
  const { fill, ...format } = (properties as { format?: Excel.CellPropertiesFormat }).format ?? {};
  return { format: { ...format, ...(fill?.color && fill.pattern !== "None" ? { fill: { color: fill.color } } : {}) } };
}

/** What to write so that the cell holds the same: text stays text, whatever Excel would read in it. */
const asWritten = (formula: string | number | boolean, value: unknown): string | number | boolean =>
  typeof formula === "string" && formula !== "" && (!formula.startsWith("=") || formula === value) ? `'${formula}` : formula;
