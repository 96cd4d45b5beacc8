// Replaces what a range holds by the values of a table.
import { WorkbookProblem, workbookProblem } from "./problems";
import { checkWorkbook, inExcel, type Workbook } from "./workbook";

export type Value = string | number | boolean | null;

/** A request may have 5 MB, in Excel on the web; some of that is not values. */
export const CHUNK_BYTES = 4_000_000;
const CELL_CHARACTERS = 32_767;

/** *value* as Excel takes it: text stays text, whatever it looks like. */
export function cellOf(value: Value): string | number | boolean {
  if (value === null || value === "") return "";
  if (typeof value === "number" && !Number.isFinite(value)) return "";
  // Without the apostrophe Excel reads text as if it was typed: as a formula, a date, a number.
  return typeof value === "string" ? `'${value}` : value;
}

/** First row and number of rows of each chunk, none over *most* bytes unless one row is. */
export function chunksOf(rows: readonly unknown[][], most = CHUNK_BYTES): { first: number; count: number }[] {
  const coder = new TextEncoder();
  const chunks: { first: number; count: number }[] = [];
  let bytes = 0;
  rows.forEach((row, place) => {
    const size = coder.encode(JSON.stringify(row)).length + 1;
    const chunk = chunks.at(-1);
    if (chunk && bytes + size <= most) {
      chunk.count += 1;
      bytes += size;
    } else {
      chunks.push({ first: place, count: 1 });
      bytes = size;
    }
  });
  return chunks;
}

function checkValues(rows: readonly (readonly Value[])[]): number {
  const width = rows[0]?.length ?? 0;
  if (width === 0) throw new WorkbookProblem("nothing-to-write", "The table has no values.", "Choose another table.");
  rows.forEach((row, place) => {
    if (row.length !== width) {
      throw new WorkbookProblem(
        "uneven-rows", `Row ${place + 1} has ${row.length} values, the first has ${width}.`, "Choose another table.",
      );
    }
    const long = row.findIndex((value) => typeof value === "string" && value.length > CELL_CHARACTERS);
    if (long >= 0) {
      throw new WorkbookProblem(
        "text-too-long",
        `The text in row ${place + 1}, column ${long + 1} is longer than a cell holds (${CELL_CHARACTERS} characters).`,
        "Download the file instead.",
      );
    }
  });
  return width;
}

/**
 * Clear the contents of *address* on *sheet*, and write *rows* from its top left cell on.
 *
 * Cells outside the range are written only if they are empty. One sync looks, each chunk costs
 * one, and before each further chunk one looks whether the workbook is still the same. If it fails on the way, the problem's details have `rows_written`.
 *
 * @returns the address that was written
 */
export async function replaceRange(
  target: { sheet: string; address: string },
  rows: readonly (readonly Value[])[],
  meant: Workbook,
): Promise<string> {
  const width = checkValues(rows);
  const cells = rows.map((row) => row.map(cellOf));
  let written = 0;
  try {
    return await inExcel(async (context) => {
      const sheet = context.workbook.worksheets.getItem(target.sheet);
      const old = sheet.getRange(target.address);
      const whole = old.getCell(0, 0).getResizedRange(rows.length - 1, width - 1);
      await look(context, old, whole, meant);
      const corner = whole.getCell(0, 0);
      old.clear("Contents");
      for (const { first, count } of chunksOf(cells)) {
        if (first > 0) {
          context.workbook.load("name");
          await context.sync();
          checkWorkbook(context, meant, `${written} of ${rows.length} rows were written.`);
        }
        corner.getOffsetRange(first, 0).getResizedRange(count - 1, width - 1).values = cells.slice(first, first + count);
        await context.sync();
        written += count;
      }
      return whole.address;
    });
  } catch (error) {
    const problem = workbookProblem(error);
    problem.details.rows_written = written;
    throw problem;
  }
}

/** Raise if another workbook is open, or if filled cells outside *old* would be overwritten. */
async function look(context: Excel.RequestContext, old: Excel.Range, whole: Excel.Range, meant: Workbook): Promise<void> {
  context.workbook.load("name");
  old.load("rowCount,columnCount");
  whole.load("address,rowCount,columnCount");
  await context.sync();
  checkWorkbook(context, meant);
  const more: Excel.Range[] = [];
  const below = whole.rowCount - old.rowCount;
  const right = whole.columnCount - old.columnCount;
  const corner = whole.getCell(0, 0);
  if (below > 0) more.push(corner.getOffsetRange(old.rowCount, 0).getResizedRange(below - 1, whole.columnCount - 1));
  if (right > 0) more.push(corner.getOffsetRange(0, old.columnCount).getResizedRange(whole.rowCount - 1, right - 1));
  if (more.length === 0) return;
  const used = more.map((range) => range.getUsedRangeOrNullObject(true).load("address"));
  await context.sync();
  const filled = used.find((range) => !range.isNullObject);
  if (!filled) return;
  throw new WorkbookProblem(
    "cells-in-the-way",
    `The table needs ${whole.address}, and ${filled.address} is not empty. Nothing was changed.`,
    "Select a range with room to the right and below, or insert the result as new sheets.",
  );
}
