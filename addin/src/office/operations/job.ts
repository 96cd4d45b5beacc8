// One operation on the open workbook: it can be cancelled, and it never goes on in another workbook.
import { WorkbookProblem } from "../problems";
import { checkWorkbook, type Workbook } from "../workbook";

export class Job {
  /** What was changed so far, in words, for an error on the way. */
  done = "Nothing was changed.";
  constructor(
    readonly context: Excel.RequestContext,
    private readonly meant: Workbook,
    private readonly signal: AbortSignal,
  ) {}

  /** Send what waits; raise if the operation was cancelled. */
  async sync(): Promise<void> {
    if (this.signal.aborted) throw new WorkbookProblem("cancelled", `It was cancelled. ${this.done}`, "");
    await this.context.sync();
  }

  /** Send what waits, and raise unless the workbook is still the one that was meant. */
  async sure(): Promise<void> {
    this.context.workbook.load("name");
    await this.sync();
    checkWorkbook(this.context, this.meant, this.done);
  }

  /** The sheet *name*; raise in words if there is none. */
  async sheet(name: string): Promise<Excel.Worksheet> {
    const sheet = this.context.workbook.worksheets.getItemOrNullObject(name).load("name");
    const all = this.context.workbook.worksheets.load("items/name");
    await this.sure();
    if (!sheet.isNullObject) return sheet;
    const names = all.items.map((each) => JSON.stringify(each.name)).slice(0, 40).join(", ");
    throw new WorkbookProblem("no-such-sheet", `There is no sheet ${JSON.stringify(name)}.`, `There are: ${names}.`);
  }
}

export const lettersOf = (column: number): string =>
  (column >= 26 ? lettersOf(Math.floor(column / 26) - 1) : "") + String.fromCharCode(65 + (column % 26));
export const cellName = (row: number, column: number): string => `${lettersOf(column)}${row + 1}`;
/** *address* without its sheet. */
export const localAddress = (address: string): string => address.slice(address.lastIndexOf("!") + 1);

/** First row, first column (from 0), rows and columns of an address such as `B2:D9`. */
export function boxOf(address: string): { row: number; column: number; rows: number; columns: number } {
  const found = /^([A-Z]+)(\d+)(?::([A-Z]+)(\d+))?$/.exec(localAddress(address).replaceAll("$", "").toUpperCase());
  if (!found) throw new WorkbookProblem("no-such-range", `${address} is no range of cells.`, "Name one such as B2:D9.");
  const column = (letters: string) => [...letters].reduce((sum, each) => sum * 26 + each.charCodeAt(0) - 64, 0) - 1;
  const [rowA, rowB] = [Number(found[2]), Number(found[4] ?? found[2])];
  const [columnA, columnB] = [column(found[1]!), column(found[3] ?? found[1]!)];
  const [row, left] = [Math.min(rowA, rowB) - 1, Math.min(columnA, columnB)];
  if (row < 0 || Math.max(rowA, rowB) > 1_048_576 || Math.max(columnA, columnB) > 16_383) {
    throw new WorkbookProblem("no-such-range", `${address} lies outside of a sheet.`, "A sheet ends at XFD1048576.");
  }
  return { row, column: left, rows: Math.abs(rowB - rowA) + 1, columns: Math.abs(columnB - columnA) + 1 };
}

export const isError = (value: unknown): value is string =>
  typeof value === "string" && /^#(REF!|NAME\?|VALUE!|DIV\/0!|N\/A|NUM!|NULL!|SPILL!|CALC!|FIELD!|BLOCKED!|CONNECT!|UNKNOWN!)$/.test(value);

/** Whether *format* shows numbers as dates: y, m, d or h outside of quotes and brackets. */
export const isDateFormat = (format: unknown): boolean =>
  /[ymdh]/i.test(String(format ?? "").replace(/"[^"]*"|\[[^\]]*\]|\\./g, "").replace(/general/gi, ""));

/** The date of a serial number as ISO text; Excel's first day is 1 January 1900. */
export function isoDate(serial: number): string {
  const moment = new Date(Math.round((serial - 25_569) * 86_400_000));
  if (Number.isNaN(moment.getTime())) return String(serial);
  const text = moment.toISOString();
  return Number.isInteger(serial) ? text.slice(0, 10) : text.slice(0, 19).replace("T", " ");
}
