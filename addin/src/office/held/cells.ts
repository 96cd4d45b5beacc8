// What cells hold, as a checkpoint keeps it: read under Excel's limits, and put back.
import { hasApi, isTooBig, WorkbookProblem } from "../problems";
import { CHUNK_BYTES, chunksOf } from "../replace";
import { cellName, type Job, localAddress } from "../operations/job";
import { formatsOf, type HeldFormats, type HeldSizes, putFormats, putSizes, readFormats, readSizes } from "./formats";
import { type HeldComment, putComments, readComments } from "./notes";
import { type HeldRule, putRules, readRules } from "./rules";

export interface Held {
  /** Top left cell of what is held. */
  row: number;
  column: number;
  rows: number;
  columns: number;
  /** As they are written: a text has an apostrophe before it. */
  formulas: (string | number | boolean)[][];
  numberFormat: string[][];
  /** Formats of the cells; absent where this Excel can't give them. */
  formats?: HeldFormats;
  /** The same as an earlier version kept it: cell by cell. */
  properties?: { format?: Excel.CellPropertiesFormat }[][];
  merges?: string[];
  sizes?: HeldSizes;
  rules?: HeldRule[];
  comments?: HeldComment[];
  validation?: HeldValidation;
  /** What could not be kept, in words. */
  missing: string[];
}
interface HeldValidation { rule: object; errorAlert: object; prompt: object; ignoreBlanks: boolean }
/** What is held beside contents and formats of the cells: what the change may take away. */
export type Beside = "nothing" | "widths" | "merge" | "all";

export const MOST_HELD = 20_000;
const MOST_CHARACTERS = 1_500_000;
const CELLS_AT_ONCE = 10_000;
/** What makes going on senseless; what else goes wrong with a part is named. */
const FATAL = new Set(["cancelled", "workbook-switched", "cell-edit-mode", "no-such-sheet"]);

/** There is more than a checkpoint keeps. */
export class TooMuch extends WorkbookProblem {
  constructor(why: string) {
    super("too-much-to-keep", why, "Change fewer cells at once.");
  }
}

/** What *read* gives; what this Excel refuses to give is named as missing, and the change goes on. */
export async function orMissing<T>(missing: string[], what: string, read: () => Promise<T | null>): Promise<T | null> {
  const found = await read().catch((error: unknown) => {
    const code = String((error as { code?: unknown }).code);
    if (FATAL.has(code) || code === "InvalidOperationInCellEditMode") throw error;
    return null;
  });
  if (found === null) missing.push(what);
  return found;
}

export async function hold(job: Job, sheet: Excel.Worksheet, range: Excel.Range, beside: Beside): Promise<Held> {
  range.load("rowIndex,columnIndex,rowCount,columnCount");
  await job.sync();
  const { rowIndex: row, columnIndex: column, rowCount: rows, columnCount: columns } = range;
  if (rows * columns > MOST_HELD) throw new TooMuch(`${rows * columns} cells are more than ${MOST_HELD}`);
  const missing: string[] = [];
  const found = await contents(job, range, rows, columns).catch((error: unknown) => {
    throw isTooBig(error) ? new TooMuch("its cells hold more than 5 MB") : error;
  });
  const held: Held = { row, column, rows, columns, missing, ...found };
  const formats = await orMissing(missing, "formats", () => readFormats(job, range, rows, columns));
  if (formats) held.formats = formats.formats;
  if (formats?.mixed) missing.push("formats of parts of a cell's text");
  const merges = await orMissing(missing, "merged cells", () => mergesOf(job, range));
  if (merges) held.merges = merges;
  if (beside === "widths" || beside === "all") {
    const sizes = await orMissing(missing, "sizes of rows and columns", () => readSizes(job, range, rows, columns));
    if (sizes) held.sizes = sizes;
  }
  if (beside === "merge" || beside === "all") {
    const comments = await orMissing(missing, "comments", () => readComments(job, sheet, held));
    if (comments) held.comments = comments;
  }
  if (beside === "all") await holdRules(job, range, held);
  if (JSON.stringify(held).length > MOST_CHARACTERS) throw new TooMuch("its cells hold more than 1.5 MB");
  return held;
}

async function holdRules(job: Job, range: Excel.Range, held: Held): Promise<void> {
  const rules = await orMissing(held.missing, "conditional formats", () => readRules(job, range));
  if (rules) held.rules = rules;
  const validation = await orMissing(held.missing, "rules for what may be entered", () => validationOf(job, range));
  if (validation && validation !== "none") held.validation = validation;
}

async function contents(job: Job, range: Excel.Range, rows: number, columns: number): Promise<Pick<Held, "formulas" | "numberFormat">> {
  const found: Pick<Held, "formulas" | "numberFormat"> = { formulas: [], numberFormat: [] };
  const step = Math.max(1, Math.floor(CELLS_AT_ONCE / columns));
  for (let first = 0; first < rows; first += step) {
    const part = range.getCell(first, 0).getResizedRange(Math.min(step, rows - first) - 1, columns - 1).load("formulas,values,numberFormat");
    await job.sync();
    found.formulas.push(...part.formulas.map((line, r) => line.map((formula, c) => asWritten(formula, part.values[r]?.[c]))));
    found.numberFormat.push(...(part.numberFormat as string[][]));
  }
  return found;
}

async function mergesOf(job: Job, range: Excel.Range): Promise<string[] | null> {
  if (!hasApi("1.13")) return null;
  const merged = range.getMergedAreasOrNullObject().load("address");
  await job.sync();
  return merged.isNullObject ? [] : merged.address.split(",").map(localAddress);
}

/** The rule of all cells of *range*; null if they have several. */
async function validationOf(job: Job, range: Excel.Range): Promise<HeldValidation | "none" | null> {
  if (!hasApi("1.8")) return null;
  const found = range.dataValidation.load("type,rule,errorAlert,prompt,ignoreBlanks");
  await job.sync();
  if (found.type === "None") return "none";
  if (found.type === "Inconsistent" || found.type === "MixedCriteria") return null;
  const { rule, errorAlert, prompt, ignoreBlanks } = found;
  return JSON.parse(JSON.stringify({ rule, errorAlert, prompt, ignoreBlanks })) as HeldValidation;
}

export const areaOf = (sheet: Excel.Worksheet, held: Held): Excel.Range =>
  sheet.getRange(cellName(held.row, held.column)).getResizedRange(held.rows - 1, held.columns - 1);

export const areaName = (held: Held): string => {
  const first = cellName(held.row, held.column);
  const last = cellName(held.row + held.rows - 1, held.column + held.columns - 1);
  return first === last ? first : `${first}:${last}`;
};

/** Put *held* back on *sheet*; returns what has to be said of it, or nothing. */
export async function fill(job: Job, sheet: Excel.Worksheet, held: Held): Promise<string> {
  const range = areaOf(sheet, held);
  for (const { first, count } of chunksOf(held.formulas.map((line, r) => [line, held.numberFormat[r]]), CHUNK_BYTES)) {
    await job.sure();
    if (first === 0 && held.merges) range.unmerge();
    const part = range.getCell(first, 0).getResizedRange(count - 1, held.columns - 1);
    part.numberFormat = held.numberFormat.slice(first, first + count);
    part.formulas = held.formulas.slice(first, first + count);
    await job.sync();
    job.done = `${first + count} of ${held.rows} rows were put back.`;
  }
  const formats = held.formats ?? (held.properties && formatsOf(held.properties));
  if (formats) await putFormats(job, range, held.columns, formats);
  await job.sure();
  for (const area of held.merges ?? []) sheet.getRange(area).merge(false);
  if (held.sizes) await putSizes(job, range, held.sizes);
  if (held.validation) {
    await job.sure();
    const { rule, errorAlert, prompt, ignoreBlanks } = held.validation;
    Object.assign(range.dataValidation, { rule, errorAlert, prompt, ignoreBlanks });
  }
  if (held.rules) await putRules(job, sheet, held, held.rules);
  const written = held.comments ? await putComments(job, sheet, held, held.comments) : 0;
  await job.sync();
  return written > 0 ? saidOf(written) : "";
}

export const saidOf = (written: number): string =>
  written === 1 ? "Its comment is back, under your name and of today." : `${written} comments are back, under your name and of today.`;

/** What to write so that the cell holds the same: text stays text, whatever Excel would read in it. */
const asWritten = (formula: string | number | boolean, value: unknown): string | number | boolean =>
  typeof formula === "string" && formula !== "" && (!formula.startsWith("=") || formula === value) ? `'${formula}` : formula;
