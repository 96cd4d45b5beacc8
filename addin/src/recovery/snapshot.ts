// What a change in Excel is about to change, and how to put it back. Putting back is a change as
// well: it makes a snapshot of its own, so that it can be taken back.
import type { Schemas } from "../api/events";
import { areaName, areaOf, type Beside, fill, type Held, hold, orMissing, saidOf, TooMuch } from "../office/held/cells";
import { formulasFor, type HeldFormula, mendFormulas } from "../office/held/formulas";
import { type HeldComment, putComments, readComments } from "../office/held/notes";
import { goingWith, type HeldTable, putTables, readTables } from "../office/held/objects";
import { type HeldRule, putRules, readRules } from "../office/held/rules";
import { WorkbookProblem } from "../office/problems";
import { boxOf, cellName, type Job } from "../office/operations/job";
import { freeChartName } from "../office/operations/objects";
import { span } from "../office/operations/structure";

export { areaName, type Held, MOST_HELD, TooMuch } from "../office/held/cells";

type Lines = "rows" | "columns";
interface Gone {
  held: Held | null;
  /** Formulas elsewhere that refer to what is deleted. */
  formulas: HeldFormula[];
  /** What goes and can't be put back: PivotTables, charts, pictures. */
  lost: string[];
  missing: string[];
}

/** What to do to undo a change. */
export type Snapshot =
  | { kind: "cells"; sheet: string; held: Held }
  | { kind: "rules"; sheet: string; address: string; rules: HeldRule[] }
  | { kind: "comments"; sheet: string; cell: string; comments: HeldComment[] }
  | ({ kind: "deleted"; sheet: string; lines: Lines; first: number; count: number } & Gone)
  | { kind: "inserted"; sheet: string; lines: Lines; first: number; count: number }
  | ({ kind: "sheet-deleted"; sheet: string; tables: HeldTable[]; position: number; tabColor: string } & Gone)
  | { kind: "sheet-added"; sheet: string }
  | { kind: "sheet-renamed"; sheet: string; before: string }
  | { kind: "chart-added"; sheet: string; name: string }
  | { kind: "pivot-added"; sheet: string; name: string };

type Tools = Schemas["OfficeTools"];
const CELLS: Record<string, Beside> = { write_cells: "nothing", fill_formula: "nothing", format_cells: "widths" };

/** The cells that a tool is about to change. */
function cellsOf(tool: string, asked: { range: string; values?: unknown[][] }): string {
  if (tool !== "write_cells" || !asked.values) return asked.range;
  const { row, column } = boxOf(asked.range);
  return `${cellName(row, column)}:${cellName(row + asked.values.length - 1, column + (asked.values[0]?.length ?? 1) - 1)}`;
}

/** Take a snapshot before *tool* works; null if this change can't be taken back from here. */
export async function snapshotBefore(job: Job, tool: string, asked: Record<string, unknown>): Promise<Snapshot | null> {
  if (tool === "modify_structure") return beforeStructure(job, asked as unknown as Tools["modify_structure"]);
  if (tool === "create_pivot") return { kind: "pivot-added", sheet: String(asked.target_sheet), name: String(asked.name) };
  if (tool === "create_chart") {
    const sheet = await job.sheet(String(asked.sheet));
    return { kind: "chart-added", sheet: sheet.name, name: await freeChartName(job, sheet) };
  }
  const beside = CELLS[tool];
  if (beside) {
    const sheet = await job.sheet(String(asked.sheet));
    const range = sheet.getRange(cellsOf(tool, asked as { range: string }));
    return { kind: "cells", sheet: sheet.name, held: await hold(job, sheet, range, asked.merge ? "all" : beside) };
  }
  if (tool === "conditional_format") return beforeRules(job, String(asked.sheet), String(asked.range));
  if (tool === "comments") return beforeComments(job, String(asked.sheet), String(asked.cell));
  return null;
}

async function beforeRules(job: Job, name: string, range: string): Promise<Snapshot> {
  const sheet = await job.sheet(name);
  const rules = await readRules(job, sheet.getRange(range));
  if (rules === null) throw new TooMuch("this Excel can't give so many conditional formats");
  return { kind: "rules", sheet: sheet.name, address: range, rules };
}

async function beforeComments(job: Job, name: string, cell: string): Promise<Snapshot> {
  const sheet = await job.sheet(name);
  const comments = await readComments(job, sheet, boxOf(cell));
  if (comments === null) throw new TooMuch("this Excel can't give so many comments");
  return { kind: "comments", sheet: sheet.name, cell, comments };
}

async function beforeStructure(job: Job, asked: Tools["modify_structure"]): Promise<Snapshot> {
  if (asked.action === "add_sheet") return { kind: "sheet-added", sheet: asked.sheet };
  if (asked.action === "rename_sheet") return { kind: "sheet-renamed", sheet: asked.new_name, before: asked.sheet };
  const sheet = await job.sheet(asked.sheet);
  if (asked.action === "delete_sheet") return sheetGone(job, sheet);
  const lines = asked.action.endsWith("rows") ? "rows" : "columns";
  const place = { lines, first: asked.first, count: asked.count } as const;
  if (asked.action.startsWith("insert")) return { kind: "inserted", sheet: sheet.name, ...place };
  return linesGone(job, sheet, place);
}

async function sheetGone(job: Job, sheet: Excel.Worksheet): Promise<Snapshot> {
  sheet.load("position,tabColor");
  const gone = await goneWith(job, sheet, null, sheet.getUsedRangeOrNullObject());
  const tables = (await orMissing(gone.missing, "tables", () => readTables(job, sheet))) ?? [];
  return { kind: "sheet-deleted", sheet: sheet.name, ...gone, tables, position: sheet.position, tabColor: sheet.tabColor };
}

async function linesGone(
  job: Job, sheet: Excel.Worksheet, { lines, first, count }: { lines: Lines; first: number; count: number },
): Promise<Snapshot> {
  const place = { lines, first, count };
  const range = sheet.getRange(linesOf(place));
  return { kind: "deleted", sheet: sheet.name, ...place, ...(await goneWith(job, sheet, range, range.getUsedRangeOrNullObject())) };
}

const linesOf = ({ lines, first, count }: { lines: Lines; first: number; count: number }): string =>
  span({ action: `delete_${lines}`, first, count });

/** What goes with *place* of *sheet*, or with the whole sheet; its *used* part is held. */
async function goneWith(job: Job, sheet: Excel.Worksheet, place: Excel.Range | null, used: Excel.Range): Promise<Gone> {
  used.load("address");
  place?.load("rowIndex,columnIndex,rowCount,columnCount");
  await job.sync();
  const held = used.isNullObject ? null : await hold(job, sheet, used, "all");
  const missing = held?.missing ?? [];
  const box = place && { row: place.rowIndex, column: place.columnIndex, rows: place.rowCount, columns: place.columnCount };
  const formulas = await orMissing(missing, "formulas elsewhere that refer to it", () => formulasFor(job, sheet.name, box));
  const objects = await orMissing(missing, "PivotTables, charts and pictures", () => goingWith(job, sheet, place));
  const lost = objects?.lost ?? [];
  missing.push(...lost, ...(objects?.unasked ?? []));
  return { held, formulas: formulas ?? [], lost, missing };
}

/** The snapshot to take before *snapshot* is put back: what takes that back again; null if nothing can. */
export async function inverseOf(job: Job, snapshot: Snapshot): Promise<Snapshot | null> {
  switch (snapshot.kind) {
    case "sheet-deleted": return { kind: "sheet-added", sheet: snapshot.sheet };
    case "sheet-renamed": return { kind: "sheet-renamed", sheet: snapshot.before, before: snapshot.sheet };
    case "deleted": return { kind: "inserted", sheet: snapshot.sheet, lines: snapshot.lines, first: snapshot.first, count: snapshot.count };
    case "rules": return beforeRules(job, snapshot.sheet, snapshot.address);
    case "comments": return beforeComments(job, snapshot.sheet, snapshot.cell);
    case "chart-added":
    case "pivot-added": return null;
  }
  const sheet = await job.sheet(snapshot.sheet);
  if (snapshot.kind === "sheet-added") return sheetGone(job, sheet);
  if (snapshot.kind === "inserted") return linesGone(job, sheet, snapshot);
  const { held } = snapshot;
  const beside = held.rules ? "all" : held.sizes ? "widths" : "nothing";
  return { ...snapshot, held: await hold(job, sheet, areaOf(sheet, held), beside) };
}

/** Put *snapshot* back; returns what was done, in words. */
export async function putBack(job: Job, snapshot: Snapshot): Promise<string> {
  if (snapshot.kind === "sheet-deleted") return sheetBack(job, snapshot);
  const sheet = await job.sheet(snapshot.sheet);
  switch (snapshot.kind) {
    case "cells":
      return joined(`${snapshot.sheet}!${areaName(snapshot.held)} is as it was.`, await fill(job, sheet, snapshot.held));
    case "rules":
      await putRules(job, sheet, boxOf(snapshot.address), snapshot.rules);
      return `The conditional formats of ${snapshot.sheet}!${snapshot.address} are as they were.`;
    case "comments": {
      const written = await putComments(job, sheet, boxOf(snapshot.cell), snapshot.comments);
      return joined(`The comments of ${snapshot.sheet}!${snapshot.cell} are as they were.`, written > 0 ? saidOf(written) : "");
    }
    case "sheet-added":
      sheet.delete();
      await job.sync();
      return `Sheet ${snapshot.sheet} is removed again.`;
    case "sheet-renamed":
      sheet.name = snapshot.before;
      await job.sync();
      return `The sheet is called ${snapshot.before} again.`;
    case "chart-added": return objectGone(job, sheet.charts.getItemOrNullObject(snapshot.name), `Chart ${snapshot.name}`);
    case "pivot-added": return objectGone(job, sheet.pivotTables.getItemOrNullObject(snapshot.name), `PivotTable ${snapshot.name}`);
    case "inserted":
    case "deleted": return linesBack(job, sheet, snapshot);
  }
}

const joined = (...parts: string[]): string => parts.filter(Boolean).join(" ");
const mended = (count: number): string => (count > 0 ? `${count} formulas that were broken refer to it again.` : "");

async function objectGone(job: Job, object: Excel.Chart | Excel.PivotTable, words: string): Promise<string> {
  object.load("name");
  await job.sure();
  if (object.isNullObject) return `${words} is not there any more.`;
  object.delete();
  await job.sync();
  return `${words} is removed again.`;
}

async function linesBack(job: Job, sheet: Excel.Worksheet, snapshot: Snapshot & { kind: "inserted" | "deleted" }): Promise<string> {
  const { lines, count } = snapshot;
  const range = sheet.getRange(linesOf(snapshot));
  if (snapshot.kind === "inserted") range.delete(lines === "rows" ? "Up" : "Left");
  else range.insert(lines === "rows" ? "Down" : "Right");
  await job.sync();
  if (snapshot.kind === "inserted") return `${count} ${lines} of ${snapshot.sheet} are removed again.`;
  job.done = `${count} empty ${lines} were inserted.`;
  const said = snapshot.held ? await fill(job, sheet, snapshot.held) : "";
  return joined(`${count} ${lines} of ${snapshot.sheet} are back.`, said, mended(await mendFormulas(job, snapshot.formulas ?? [])));
}

async function sheetBack(job: Job, snapshot: Snapshot & { kind: "sheet-deleted" }): Promise<string> {
  const { worksheets } = job.context.workbook;
  const taken = worksheets.getItemOrNullObject(snapshot.sheet).load("name");
  const all = worksheets.load("items/name");
  await job.sure();
  if (!taken.isNullObject) throw new WorkbookProblem("sheet-exists", `There is a sheet ${JSON.stringify(snapshot.sheet)} again.`, "Rename it first.");
  worksheets.add(snapshot.sheet);
  await job.sure();
  job.done = `Sheet ${snapshot.sheet} was added.`;
  const sheet = worksheets.getItem(snapshot.sheet);
  if (snapshot.position !== undefined) sheet.position = Math.min(snapshot.position, all.items.length);
  if (snapshot.tabColor) sheet.tabColor = snapshot.tabColor;
  putTables(sheet, snapshot.tables ?? []);
  const said = snapshot.held ? await fill(job, sheet, snapshot.held) : "";
  const lost = snapshot.lost?.length ? `Without ${snapshot.lost.slice(0, 10).join(", ")}.` : "";
  return joined(`Sheet ${snapshot.sheet} is back.`, said, mended(await mendFormulas(job, snapshot.formulas ?? [])), lost);
}
