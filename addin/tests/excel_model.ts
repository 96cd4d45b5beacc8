// The workbook of the stand-in for Excel: sheets, addresses, what moves when rows go, and Office.js's loading.

export type Cell = string | number | boolean;
export interface Box { sheet: Sheet; row: number; column: number; rows: number; columns: number }
export interface Rule {
  /** Its ranges, with commas between them. */
  address: string;
  type: string;
  stopIfTrue: boolean | null;
  rule: Record<string, unknown>;
  format: { fill?: string; font?: string } & Record<string, unknown>;
}
/** What a call waits in, until it is synced. */
export interface Queue {
  answered: number;
  later(call: () => void): void;
  /** Raise unless this Excel has ExcelApi 1.*minor*. */
  needs(minor: number): void;
}

export class Sheet {
  cells = new Map<string, Cell>();
  formulas = new Map<string, string>();
  numberFormats = new Map<string, string>();
  /** Properties of formats that were set, such as `font.bold`, by cell. */
  styles = new Map<string, Record<string, unknown>>();
  merges: string[] = [];
  /** Conditional formats, the first one first. */
  rules: Rule[] = [];
  comments: { cell: string; content: string; resolved: boolean; replies: string[] }[] = [];
  charts: { type: string; source: string; title: string; place: string; name: string; box: string }[] = [];
  pivots: { name: string; address: string }[] = [];
  tables: { name: string; address: string; style: string; showHeaders: boolean; showTotals: boolean }[] = [];
  shapes: { name: string; box: string }[] = [];
  widths = new Map<number, number>();
  heights = new Map<number, number>();
  validation = { type: "None", rule: {}, errorAlert: {}, prompt: {}, ignoreBlanks: true } as Record<string, unknown>;
  tabColor = "";
  visibility = "Visible";
  locked = false;
  constructor(readonly id: string, public name: string) {}
}

export class ExcelError extends Error {
  constructor(readonly code: string, message = code) {
    super(message);
  }
}
export const LIMIT = 5_000_000;
export const lettersOf = (column: number): string =>
  (column >= 26 ? lettersOf(Math.floor(column / 26) - 1) : "") + String.fromCharCode(65 + (column % 26));
export const numberOf = (letters: string) => [...letters].reduce((sum, each) => sum * 26 + each.charCodeAt(0) - 64, 0) - 1;

export function boxOf(sheet: Sheet, address: string): Box {
  const found = /^([A-Z]+)(\d+)(?::([A-Z]+)(\d+))?$/.exec(address);
  if (!found) throw new ExcelError("InvalidReference");
  const [, left, top, right = left, bottom = top] = found;
  const [row, column] = [Number(top) - 1, numberOf(left!)];
  return { sheet, row, column, rows: Number(bottom) - row, columns: numberOf(right!) - column + 1 };
}
export const addressOf = ({ sheet, row, column, rows, columns }: Box): string => {
  const first = `${lettersOf(column)}${row + 1}`;
  const last = `${lettersOf(column + columns - 1)}${row + rows}`;
  return `${sheet.name}!${first === last ? first : `${first}:${last}`}`;
};

export const keysIn = (box: Box): [key: string, row: number, column: number][] =>
  Array.from({ length: box.rows * box.columns }, (_, place) => {
    const [r, c] = [Math.floor(place / box.columns), place % box.columns];
    return [`${box.row + r},${box.column + c}`, r, c];
  });

export const inside = (address: string, box: Box): boolean => {
  const each = boxOf(box.sheet, address.replace(/^.*!/, "").replace(" across", ""));
  return each.row >= box.row && each.column >= box.column && each.row + each.rows <= box.row + box.rows && each.column + each.columns <= box.column + box.columns;
};

/** One stretch of lines after lines *from* … moved by *by*; null if all of it is gone. */
function stretch(first: number, count: number, from: number, by: number): [first: number, count: number] | null {
  const at = (line: number) => (line < from ? line : by < 0 ? Math.max(from, line + by) : line + by);
  const [start, end] = [at(first), at(first + count - 1 + (by < 0 ? 1 : 0)) + (by < 0 ? 0 : 1)];
  return end > start ? [start, end - start] : null;
}

/** *box* after lines of its sheet moved; null if it is gone. */
function movedBox(box: Box, rows: boolean, from: number, by: number): Box | null {
  const found = rows ? stretch(box.row, box.rows, from, by) : stretch(box.column, box.columns, from, by);
  if (!found) return null;
  return rows ? { ...box, row: found[0], rows: found[1] } : { ...box, column: found[0], columns: found[1] };
}

const localOf = (box: Box): string => addressOf(box).replace(/^.*!/, "");

/** Moves what lies behind *from* by *by* rows or columns; what lies in a deleted part is gone. */
export function shift(sheet: Sheet, rows: boolean, from: number, by: number): void {
  const moved = <T>(map: Map<string, T>): Map<string, T> => {
    const result = new Map<string, T>();
    for (const [key, value] of map) {
      const place = key.split(",").map(Number) as [number, number];
      const at = place[rows ? 0 : 1];
      if (by < 0 && at >= from && at < from - by) continue;
      if (at >= from) place[rows ? 0 : 1] = at + by;
      result.set(place.join(","), value);
    }
    return result;
  };
  for (const name of ["cells", "formulas", "numberFormats", "styles"] as const) sheet[name] = moved(sheet[name] as Map<string, never>);
  const areas = (address: string): string[] => address.split(",").flatMap((each) => {
    const box = movedBox(boxOf(sheet, each.replace(/^.*!/, "")), rows, from, by);
    return box ? [localOf(box)] : [];
  });
  sheet.rules = sheet.rules.map((rule) => ({ ...rule, address: areas(rule.address).join(",") })).filter((rule) => rule.address);
  sheet.comments = sheet.comments.flatMap((each) => areas(each.cell).map((cell) => ({ ...each, cell })));
  sheet.merges = sheet.merges.flatMap((each) => areas(each).filter((area) => area.includes(":")).map((area) => `${sheet.name}!${area}`));
  const sizes = rows ? "heights" : "widths";
  sheet[sizes] = new Map([...sheet[sizes]].flatMap(([line, size]) => {
    const found = stretch(line, 1, from, by);
    return found ? [[found[0], size]] : [];
  }));
}

const REFERENCE = /(?:(?:'((?:[^']|'')+)'|([A-Za-z_]\w*))!)?(\$?[A-Z]{1,3}\$?\d+(?::\$?[A-Z]{1,3}\$?\d+)?)(?![\w(])/g;

/** *formula*, which stands on *own*, after lines of *sheet* moved: a reference to what is gone is #REF!. */
export function shiftedFormula(formula: string, own: Sheet, sheet: Sheet, rows: boolean, from: number, by: number): string {
  return formula.replace(REFERENCE, (all: string, quoted: string | undefined, plain: string | undefined, address: string) => {
    const name = quoted?.replaceAll("''", "'") ?? plain ?? own.name;
    if (name !== sheet.name) return all;
    const box = movedBox(boxOf(sheet, address.replaceAll("$", "")), rows, from, by);
    const prefix = all.slice(0, all.length - address.length);
    return box ? prefix + localOf(box) : `${prefix}#REF!`;
  });
}

/** *formula* after sheet *gone* was deleted. */
export const withoutSheet = (formula: string, gone: string): string =>
  formula.replace(REFERENCE, (all: string, quoted: string | undefined, plain: string | undefined, address: string) =>
    (quoted?.replaceAll("''", "'") ?? plain) === gone ? `#REF!${address}` : all);

/** What is left of *box* without *hole*. */
export function without(box: Box, hole: Box): Box[] {
  const end = (each: Box) => ({ row: each.row + each.rows, column: each.column + each.columns });
  const [a, b] = [end(box), end(hole)];
  const top = Math.max(box.row, hole.row);
  const bottom = Math.min(a.row, b.row);
  const left = Math.max(box.column, hole.column);
  const right = Math.min(a.column, b.column);
  if (top >= bottom || left >= right) return [box];
  return [
    { ...box, rows: top - box.row },
    { ...box, row: bottom, rows: a.row - bottom },
    { ...box, row: top, rows: bottom - top, columns: left - box.column },
    { ...box, row: top, rows: bottom - top, column: right, columns: a.column - right },
  ].filter((each) => each.rows > 0 && each.columns > 0);
}

export const overlap = (a: Box, b: Box): boolean => without(a, b)[0] !== a;

export class Loadable<C extends Queue = Queue> {
  protected values_: Record<string, unknown> = {};
  constructor(protected readonly context: C) {}
  protected read(_name: string): unknown {
    throw new ExcelError("InvalidArgument");
  }
  load(names: string): this {
    this.context.later(() => {
      for (const each of names.split(",")) {
        const name = each.trim();
        if (name.startsWith("items/")) this.items_(name);
        else this.take_(name);
      }
    });
    return this;
  }
  take_(name: string): void {
    const value = this.read(name);
    this.context.answered += JSON.stringify(value ?? null)?.length ?? 0;
    this.values_[name] = value;
  }
  protected items_(_name: string): void {
    throw new ExcelError("InvalidArgument");
  }
  protected loaded(name: string): never {
    if (!(name in this.values_)) throw new ExcelError("PropertyNotLoaded", `The property '${name}' is not available.`);
    return this.values_[name] as never;
  }
}

/** A collection: its items are there once a property of them was loaded and synced. */
export class Collection<T extends { take_(name: string): void }> extends Loadable {
  private found: T[] | null = null;
  constructor(context: Queue, private readonly list: () => T[]) { super(context); }
  protected override items_(name: string): void {
    this.found ??= this.list();
    for (const each of this.found) each.take_(name.slice(6));
  }
  get items(): T[] {
    if (!this.found) throw new ExcelError("PropertyNotLoaded", "items");
    return this.found;
  }
}

