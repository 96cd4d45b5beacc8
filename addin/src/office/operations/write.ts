// Writes cells: guards what is there, reads back what came of it, and says what else changed.
import type { Schemas } from "../../api/events";
import { isTooBig, WorkbookProblem } from "../problems";
import { CHUNK_BYTES, chunksOf } from "../replace";
import { count as countOf } from "../../parts/words";
import { boxOf, cellName, isError, type Job, localAddress } from "./job";

type Tools = Schemas["OfficeTools"];
export type Scalar = string | number | boolean | null;
/** Cells of all sheets that are compared before and after. */
export const MOST_WATCHED = 60_000;
const SHOWN = 20;
const CELL_CHARACTERS = 32_767;

/** *value* as Excel takes it; identifiers and what only looks like a formula stay text. */
export function cellOf(value: Scalar, asText = false): string | number | boolean {
  if (value === null || value === "") return "";
  if (typeof value !== "string") return value;
  if (value.length > CELL_CHARACTERS) {
    throw new WorkbookProblem("text-too-long", `A text has ${value.length} characters; a cell holds ${CELL_CHARACTERS}.`, "Shorten it.");
  }
  const asked = !asText && /^=./s.test(value);
  const kept = asText || /^[=+\-@']/.test(value) || /^0\d+$/.test(value) || /^\d{16,}$/.test(value);
  return asked || (/^-[\d.,]+%?$/.test(value) && !asText) ? value : kept ? `'${value}` : value;
}

export async function writeCells(job: Job, asked: Tools["write_cells"]): Promise<object> {
  const values = asked.values as Scalar[][];
  const box = boxOf(asked.range);
  const [rows, columns] = [values.length, values[0]!.length];
  if ((box.rows > 1 || box.columns > 1) && (box.rows !== rows || box.columns !== columns)) {
    throw new WorkbookProblem(
      "shape-differs", `${asked.range} has ${box.rows} × ${box.columns} cells, values has ${rows} × ${columns}.`,
      "Name the top left cell alone, or give as many values as the range has cells.",
    );
  }
  const cells = values.map((row) => row.map((value) => cellOf(value, asked.text)));
  return put(job, asked.sheet, { ...box, rows, columns }, cells, asked.overwrite);
}

export async function fillFormula(job: Job, asked: Tools["fill_formula"]): Promise<object> {
  const box = boxOf(asked.range);
  if (box.rows * box.columns > 200_000) {
    throw new WorkbookProblem("too-big-for-excel", `${asked.range} has ${box.rows * box.columns} cells.`, "Fill at most 200,000 at once.");
  }
  return put(job, asked.sheet, box, asked.formula, asked.overwrite);
}

type Box = ReturnType<typeof boxOf>;

async function put(
  job: Job, sheetName: string, box: Box, cells: (string | number | boolean)[][] | string, overwrite: boolean,
): Promise<object> {
  const sheet = await job.sheet(sheetName);
  const whole = sheet.getRange(cellName(box.row, box.column)).getResizedRange(box.rows - 1, box.columns - 1);
  whole.load("address");
  const filled = whole.getUsedRangeOrNullObject(true).load("address");
  job.context.application.load("calculationMode");
  const watch = await watched(job);
  if (!overwrite && !filled.isNullObject) {
    throw new WorkbookProblem(
      "cells-in-the-way", `${localAddress(filled.address)} on ${JSON.stringify(sheetName)} holds cells already. Nothing was changed.`,
      "Read them; choose another range, or set overwrite if they are to be replaced.",
    );
  }
  const before = await watch.read();
  if (typeof cells === "string") await fill(job, whole, cells);
  else await write(job, whole, cells, box);
  const errors = await readBack(job, whole, box);
  const outside = await watch.changed(before, { sheet: sheet.name, ...box });
  const address = localAddress(whole.address);
  const calculation = job.context.application.calculationMode;
  return {
    address,
    cells: box.rows * box.columns,
    ...(filled.isNullObject ? {} : { replaced: localAddress(filled.address) }),
    formula_errors: errors.shown,
    formula_error_count: errors.count,
    ...(outside === null ? { outside: "The workbook is too big to look for changes outside of the range." } : {
      changed_outside_count: outside.count, changed_outside: outside.shown,
    }),
    ...(calculation === "Manual" ? { calculation: "Manual: formulas show results only after F9." } : {}),
    summary: `${countOf(box.rows * box.columns, "cell")} written at ${sheet.name}!${address}${errors.count ? `, ${errors.count} with an error` : ""}`,
  };
}

async function write(job: Job, whole: Excel.Range, cells: (string | number | boolean)[][], box: Box): Promise<void> {
  for (const { first, count } of chunksOf(cells, CHUNK_BYTES)) {
    await job.sure();
    whole.getCell(first, 0).getResizedRange(count - 1, box.columns - 1).formulas = cells.slice(first, first + count);
    await job.sync();
    job.done = `${first + count} of ${box.rows} rows were written.`;
  }
}

async function fill(job: Job, whole: Excel.Range, formula: string): Promise<void> {
  await job.sure();
  const first = whole.getCell(0, 0);
  first.formulas = [[formula]];
  first.load("formulasR1C1");
  await job.sure();
  job.done = "The first cell of the range was written.";
  // One formula in R1C1 notation is the same in every cell: Excel takes it for the whole range.
  whole.formulasR1C1 = first.formulasR1C1[0]![0] as unknown as string[][];
  await job.sync();
  job.done = "The range was written.";
}

interface Shown<T> { count: number; shown: T[] }

async function readBack(job: Job, whole: Excel.Range, box: Box): Promise<Shown<{ cell: string; value: string }>> {
  const found: Shown<{ cell: string; value: string }> = { count: 0, shown: [] };
  const look = async (first: number, count: number): Promise<void> => {
    const part = whole.getCell(first, 0).getResizedRange(count - 1, box.columns - 1).load("values");
    try {
      await job.sync();
    } catch (error) {
      if (!isTooBig(error) || count === 1) throw error;
      const half = Math.ceil(count / 2); // long texts: fewer rows at once
      await look(first, half);
      return look(first + half, count - half);
    }
    part.values.forEach((row, r) => row.forEach((value, c) => {
      if (!isError(value)) return;
      found.count += 1;
      if (found.shown.length < SHOWN) found.shown.push({ cell: cellName(box.row + first + r, box.column + c), value });
    }));
  };
  const step = Math.max(1, Math.floor(50_000 / box.columns));
  for (let first = 0; first < box.rows; first += step) await look(first, Math.min(step, box.rows - first));
  return found;
}

interface Watched { sheet: string; row: number; column: number; values: unknown[][] }
type Changed = Shown<{ cell: string; before: unknown; now: unknown }>;
interface Watch {
  read: () => Promise<Watched[] | null>;
  changed: (before: Watched[] | null, except: Box & { sheet: string }) => Promise<Changed | null>;
}

/** Watches the values of all sheets, if they are not too many. */
async function watched(job: Job): Promise<Watch> {
  const sheets = job.context.workbook.worksheets.load("items/name");
  await job.sure();
  const used = async () => {
    const ranges = sheets.items.map((sheet) =>
      sheet.getUsedRangeOrNullObject(true).load("rowIndex,columnIndex,rowCount,columnCount"));
    await job.sync();
    return ranges;
  };
  const read = async (): Promise<Watched[] | null> => {
    const ranges = await used();
    const there = ranges.map((range, place) => ({ range, sheet: sheets.items[place]!.name })).filter(({ range }) => !range.isNullObject);
    const cells = there.reduce((sum, { range }) => sum + range.rowCount * range.columnCount, 0);
    if (cells > MOST_WATCHED) return null;
    for (const { range } of there) range.load("values");
    try {
      await job.sync();
    } catch (error) {
      if (isTooBig(error)) return null; // long texts: what is asked for can be done all the same
      throw error;
    }
    return there.map(({ range, sheet }) => ({ sheet, row: range.rowIndex, column: range.columnIndex, values: range.values }));
  };
  return {
    read,
    changed: async (before, except) => {
      const now = before === null ? null : await read();
      return before === null || now === null ? null : compare(before, now, except);
    },
  };
}

function compare(before: readonly Watched[], now: readonly Watched[], except: Box & { sheet: string }): Changed {
  const cells = new Map<string, unknown>();
  const each = (all: readonly Watched[], use: (sheet: string, row: number, column: number, value: unknown) => void) =>
    all.forEach(({ sheet, row, column, values }) =>
      values.forEach((line, r) => line.forEach((value, c) => use(sheet, row + r, column + c, value))));
  each(before, (sheet, row, column, value) => value !== "" && cells.set(`${row},${column},${sheet}`, value));
  const found: Changed = { count: 0, shown: [] };
  const note = (sheet: string, row: number, column: number, was: unknown, is: unknown) => {
    const inside = sheet === except.sheet && row >= except.row && row < except.row + except.rows
      && column >= except.column && column < except.column + except.columns;
    if (inside) return;
    found.count += 1;
    if (found.shown.length < SHOWN) found.shown.push({ cell: `${sheet}!${cellName(row, column)}`, before: was, now: is });
  };
  each(now, (sheet, row, column, value) => {
    const key = `${row},${column},${sheet}`;
    const was = cells.get(key) ?? "";
    cells.delete(key);
    if (was !== value) note(sheet, row, column, was === "" ? null : was, value === "" ? null : value);
  });
  for (const [key, was] of cells) {
    const [row, column, ...sheet] = key.split(",");
    note(sheet.join(","), Number(row), Number(column), was, null);
  }
  return found;
}
