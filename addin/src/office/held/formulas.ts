// Formulas elsewhere that refer to what is deleted: Excel turns their references into #REF! for good.
import { boxOf, cellName, type Job } from "../operations/job";

export interface HeldFormula { sheet: string; cell: string; formula: string }
/** Cells of all sheets that are looked at. */
export const MOST_LOOKED_AT = 100_000;
type Box = ReturnType<typeof boxOf>;

/**
 * The formulas that may refer to *sheet*, outside of *place* on it (null: the whole sheet goes).
 *
 * @returns null if the workbook has too many cells to look
 */
export async function formulasFor(job: Job, sheet: string, place: Box | null): Promise<HeldFormula[] | null> {
  const sheets = job.context.workbook.worksheets.load("items/name");
  await job.sync();
  const used = sheets.items.map((each) => each.getUsedRangeOrNullObject().load("rowIndex,columnIndex,rowCount,columnCount"));
  await job.sync();
  const there = used.map((range, n) => ({ range, name: sheets.items[n]!.name })).filter(({ range, name }) => !range.isNullObject && (place !== null || name !== sheet));
  if (there.reduce((sum, { range }) => sum + range.rowCount * range.columnCount, 0) > MOST_LOOKED_AT) return null;
  for (const { range } of there) {
    range.load("formulas");
    await job.sync(); // one sheet at a time stays under 5 MB
  }
  const quoted = sheet.replaceAll("'", "''").toLowerCase();
  const found: HeldFormula[] = [];
  for (const { range, name } of there) {
    range.formulas.forEach((line, r) => line.forEach((formula, c) => {
      if (typeof formula !== "string" || !formula.startsWith("=")) return;
      const [row, column] = [range.rowIndex + r, range.columnIndex + c];
      const own = name === sheet;
      const inside = own && place && row >= place.row && row < place.row + place.rows && column >= place.column && column < place.column + place.columns;
      if (inside || !(own || formula.toLowerCase().includes(quoted))) return;
      found.push({ sheet: name, cell: cellName(row, column), formula });
    }));
  }
  return found;
}

/** Write those of *held* again whose references the deletion has broken or made shorter; returns how many. */
export async function mendFormulas(job: Job, held: readonly HeldFormula[]): Promise<number> {
  const sheets = job.context.workbook.worksheets.load("items/name");
  await job.sync();
  const names = new Set(sheets.items.map((each) => each.name));
  const cells = held.filter((each) => names.has(each.sheet)).map((each) => ({
    formula: each.formula, range: job.context.workbook.worksheets.getItem(each.sheet).getRange(each.cell).load("formulas"),
  }));
  if (cells.length === 0) return 0;
  await job.sure();
  const harmed = cells.filter(({ range, formula }) => isHarmed(String(range.formulas[0]?.[0] ?? ""), formula));
  for (const { range, formula } of harmed) range.formulas = [[formula]];
  await job.sync();
  return harmed.length;
}

const REFERENCES = /\$?[A-Z]{1,3}\$?\d+(?::\$?[A-Z]{1,3}\$?\d+)?(?![\w(])/g;

/**
 * Whether *now* is *before* after something that it refers to was deleted. What a user wrote since is left alone:
 * it must be the same formula, with references that are broken or cover a part of the cells.
 */
function isHarmed(now: string, before: string): boolean {
  if (now === before || !now.startsWith("=")) return false;
  if (now.includes("#REF!") && !before.includes("#REF!")) return true;
  if (now.replace(REFERENCES, "?") !== before.replace(REFERENCES, "?")) return false;
  const [is, was] = [now.match(REFERENCES) ?? [], before.match(REFERENCES) ?? []];
  return is.every((each, n) => each === was[n] || (was[n]!.includes(":") && within(boxOf(each), boxOf(was[n]!))));
}

const within = (a: Box, b: Box): boolean =>
  a.row >= b.row && a.column >= b.column && a.row + a.rows <= b.row + b.rows && a.column + a.columns <= b.column + b.columns;
