// What the model reads of the open workbook: bounded, dates as text, the rest named.
import type { Schemas } from "../../api/events";
import { WorkbookProblem } from "../problems";
import { count } from "../../parts/words";
import { boxOf, cellName, isDateFormat, isoDate, type Job, localAddress } from "./job";

type Tools = Schemas["OfficeTools"];
export const MOST_READ = 5_000;
export const MOST_RAW = 3_500_000;
const PREVIEWED = { sheets: 20, rows: 3, columns: 20 };

export async function getWorkbookOverview(job: Job): Promise<object> {
  const { workbook } = job.context;
  workbook.worksheets.load("items/name,items/visibility");
  workbook.tables.load("items/name,items/worksheet/name");
  workbook.names.load("items/name,items/formula,items/visible");
  const active = workbook.worksheets.getActiveWorksheet().load("name");
  job.context.application.load("calculationMode");
  await job.sure();
  const sheets = workbook.worksheets.items;
  const used = sheets.map((sheet) => sheet.getUsedRangeOrNullObject(true).load("address,rowCount,columnCount"));
  for (const sheet of sheets) sheet.protection.load("protected");
  await job.sync();
  const heads = sheets.slice(0, PREVIEWED.sheets).map((_, place) => {
    const range = used[place]!;
    if (range.isNullObject) return null;
    const [rows, columns] = [Math.min(range.rowCount, PREVIEWED.rows), Math.min(range.columnCount, PREVIEWED.columns)];
    return range.getCell(0, 0).getResizedRange(rows - 1, columns - 1).load("values,numberFormat");
  });
  await job.sync();
  return {
    active_sheet: active.name,
    calculation: job.context.application.calculationMode,
    sheets: sheets.map((sheet, place) => ({
      name: sheet.name,
      used: used[place]!.isNullObject ? "empty" : localAddress(used[place]!.address),
      ...(sheet.visibility === "Visible" ? {} : { visibility: sheet.visibility }),
      ...(sheet.protection.protected ? { protected: true } : {}),
      ...(heads[place] ? { first_rows: plain(heads[place]) } : {}),
    })),
    tables: workbook.tables.items.map((table) => ({ name: table.name, sheet: table.worksheet.name })).slice(0, 100),
    names: workbook.names.items.filter((each) => each.visible).map(({ name, formula }) => ({ name, formula })).slice(0, 100),
    summary: `Looked at ${count(sheets.length, "sheet")}`,
  };
}

const plain = (range: Excel.Range): unknown[][] =>
  range.values.map((row, r) => row.map((value, c) =>
    typeof value === "number" && isDateFormat(range.numberFormat[r]?.[c]) ? isoDate(value) : value === "" ? null : value));

export async function readRange(job: Job, asked: Tools["read_range"]): Promise<object> {
  boxOf(asked.range);
  const sheet = await job.sheet(asked.sheet);
  return readCells(job, sheet.getRange(asked.range), asked.formulas);
}

export async function readSelectedCells(job: Job, asked: Tools["read_selection"]): Promise<object> {
  await job.sure();
  const range = job.context.workbook.getSelectedRange();
  range.worksheet.load("name");
  return { sheet: await nameOf(job, range), ...(await readCells(job, range, asked.formulas)) };
}

async function nameOf(job: Job, range: Excel.Range): Promise<string> {
  await job.sync();
  return range.worksheet.name;
}

async function readCells(job: Job, range: Excel.Range, formulas: boolean): Promise<object> {
  range.load("address,rowCount,columnCount");
  // A whole column has a million cells; those behind the last used one are not asked for.
  const used = range.getUsedRangeOrNullObject(true).load("address,rowIndex,columnIndex,rowCount,columnCount");
  await job.sync();
  const address = localAddress(range.address);
  if (used.isNullObject) return { address, empty: true, summary: `${address}: empty` };
  const columns = Math.min(used.columnCount, MOST_READ);
  const rows = Math.min(used.rowCount, Math.max(1, Math.floor(MOST_READ / columns)));
  const part = used.getCell(0, 0).getResizedRange(rows - 1, columns - 1);
  part.load(`address,values,numberFormat${formulas ? ",formulas" : ""}`);
  await job.sync();
  const left = used.rowCount - rows;
  return {
    address,
    filled: localAddress(used.address),
    first_row: used.rowIndex + 1,
    first_column: cellName(0, used.columnIndex).slice(0, -1),
    rows: plain(part),
    ...(formulas ? { formula_cells: formulaCells(part, used.rowIndex, used.columnIndex) } : {}),
    ...(left > 0 ? { left_out: `${left} more rows, from row ${used.rowIndex + rows + 1} on: read them by their own range` } : {}),
    ...(used.columnCount > columns ? { left_out_columns: used.columnCount - columns } : {}),
    summary: `${localAddress(part.address)} read`,
  };
}

function formulaCells(range: Excel.Range, row: number, column: number): { cell: string; formula: string }[] {
  return range.formulas.flatMap((each, r) => each.flatMap((formula: unknown, c) =>
    typeof formula === "string" && formula.startsWith("=") ? [{ cell: cellName(row + r, column + c), formula }] : []));
}

/** All values of a range for Python: numbers as they are, dates as text. */
export async function readWhole(job: Job, asked: { sheet: string; range: string }): Promise<object> {
  const sheet = await job.sheet(asked.sheet);
  const used = sheet.getRange(asked.range).getUsedRangeOrNullObject(true).load("address,rowCount,columnCount");
  await job.sync();
  if (used.isNullObject) throw new WorkbookProblem("range-empty", `${asked.sheet}!${asked.range} is empty.`, "Name a range with cells.");
  const rows: unknown[][] = [];
  let characters = 0;
  const step = Math.max(1, Math.floor(20_000 / used.columnCount));
  for (let first = 0; first < used.rowCount; first += step) {
    const rowsNow = Math.min(step, used.rowCount - first);
    const part = used.getCell(first, 0).getResizedRange(rowsNow - 1, used.columnCount - 1).load("values,numberFormat");
    await job.sure();
    rows.push(...plain(part));
    characters += JSON.stringify(part.values).length;
    if (characters > MOST_RAW) {
      throw new WorkbookProblem(
        "too-big-for-excel", `${localAddress(used.address)} holds more than ${MOST_RAW / 1e6} MB.`,
        "Take a smaller range, or have the workbook uploaded and use run_code.",
      );
    }
  }
  return { address: localAddress(used.address), rows, summary: `${localAddress(used.address)} read` };
}

const MOST_FOUND = 200;

export async function searchCells(job: Job, asked: Tools["search_cells"]): Promise<object> {
  const sheets = asked.sheet ? [await job.sheet(asked.sheet)] : await allSheets(job);
  const criteria = { completeMatch: asked.whole, matchCase: false };
  const found = sheets.map((sheet) => sheet.findAllOrNullObject(asked.text, criteria).load("address,cellCount"));
  await job.sync();
  const matches = found.flatMap((areas, place) =>
    areas.isNullObject ? [] : [{ sheet: sheets[place]!.name, count: areas.cellCount, cells: cut(localAddresses(areas.address)) }]);
  const total = matches.reduce((sum, each) => sum + each.count, 0);
  return { matches, summary: `${count(total, "cell")} found` };
}

const localAddresses = (addresses: string): string => addresses.split(",").map(localAddress).join(",");
const cut = (addresses: string): string => {
  const each = addresses.split(",");
  return each.length <= MOST_FOUND ? addresses : `${each.slice(0, MOST_FOUND).join(",")} and ${each.length - MOST_FOUND} more ranges`;
};

async function allSheets(job: Job): Promise<Excel.Worksheet[]> {
  const sheets = job.context.workbook.worksheets.load("items/name");
  await job.sure();
  return sheets.items;
}

export async function traceDependencies(job: Job, asked: Tools["trace_dependencies"]): Promise<object> {
  const sheet = await job.sheet(asked.sheet);
  const cell = sheet.getRange(asked.range).getCell(0, 0).load("address,formulas,values");
  await job.sync();
  const near = { address: localAddress(cell.address), formula: cell.formulas[0]?.[0], value: cell.values[0]?.[0] };
  const areas = asked.direction === "precedents" ? cell.getPrecedents() : cell.getDependents();
  areas.load("addresses");
  try {
    await job.sync();
  } catch (error) {
    if ((error as { code?: string }).code !== "ItemNotFound") throw error;
    return { ...near, [asked.direction]: [], summary: `no ${asked.direction}` };
  }
  return { ...near, [asked.direction]: areas.addresses.slice(0, MOST_FOUND), summary: count(areas.addresses.length, "range") };
}
