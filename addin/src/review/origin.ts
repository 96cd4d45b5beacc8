// What a trace says of the rows and formulas behind a cell, taken apart with care: it is made from files.
import { count } from "../parts/words";

type Json = Readonly<Record<string, unknown>>;

export interface Source {
  file: string;
  sheet: string;
  columns: string[];
  /** First and last row of each stretch, as Excel numbers them; null if they are not known. */
  rows: [number, number][] | null;
  count: number;
  checked: boolean;
}

export type Origin = { place: string; value: string; reason: string } & (
  | { kind: "rows"; made: string; sources: Source[] }
  | { kind: "formula"; formula: string; areas: { place: string; filled: number; cells: Origin[] }[] }
  | { kind: "constant"; cell: number; line: number }
  | { kind: "other" }
);

const MOST_DEPTH = 20;
const record = (value: unknown): Json => (value !== null && typeof value === "object" ? (value as Json) : {});
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const text = (value: unknown): string => (typeof value === "string" ? value : "");
const number = (value: unknown): number => (typeof value === "number" ? value : 0);

/** The value of a cell as a person reads it. */
export function shownValue(value: unknown): string {
  if (value === null || value === undefined) return "empty";
  if (typeof value === "number") return value.toLocaleString(undefined, { maximumFractionDigits: 10 });
  return typeof value === "string" ? `“${value}”` : JSON.stringify(value);
}

const quotedSheet = (sheet: string): string => (/^[\p{L}\p{N}_.]+$/u.test(sheet) ? sheet : `'${sheet.replaceAll("'", "''")}'`);

/** The address of *cell* as people write it: `Pivot!C7`, `'My sheet'!C7`. */
export const placeOf = (sheet: string, cell: string): string => (sheet ? `${quotedSheet(sheet)}!${cell}` : cell);

const HOW: Record<string, string> = { value: "The value", size: "The number", sum: "The sum", mean: "The mean", count: "The count" };

function computed(made: Json): string {
  const how = text(made.how);
  const rows = count(number(made.rows), "row");
  const what = how === "size" ? `${HOW.size} of ${rows}` : `${HOW[how] ?? `The ${how}`} of “${text(made.column)}” ${how === "value" ? "in" : "over"} ${rows}`;
  const where = Object.entries(record(made.where)).map(([name, value]) => `${name} = ${shownValue(value)}`);
  const across = list(made.across).map(String).slice(0, 5);
  const beyond = across.length > 0 ? `; the code computes it with ${across.join(", ")}, over other rows as well, which are not known` : "";
  return `${what}${where.length > 0 ? `, where ${where.join(" and ")}` : ""}${beyond}`;
}

const sourceOf = (raw: unknown): Source => {
  const source = record(raw);
  const pairs = list(source.rows).map(list).map(([first, last]): [number, number] => [number(first), number(last)]);
  return {
    file: text(source.file),
    sheet: text(source.sheet),
    columns: list(source.columns).map(String),
    rows: Array.isArray(source.rows) ? pairs : null,
    count: number(source.count),
    checked: source.checked === true,
  };
};

/** The tree of a trace's `origin`; null if the trace has none. */
export function originOf(raw: unknown, depth = 0): Origin | null {
  const node = record(raw);
  if (typeof node.kind !== "string" || depth > MOST_DEPTH) return null;
  const common = { place: placeOf(text(node.sheet), text(node.cell)), value: shownValue(node.value), reason: text(node.reason) };
  switch (node.kind) {
    case "rows":
      return { ...common, kind: "rows", made: computed(record(node.computation)), sources: list(node.sources).map(sourceOf) };
    case "formula":
      return {
        ...common,
        kind: "formula",
        formula: text(node.formula),
        areas: list(node.precedents).map(record).map((area) => ({
          place: placeOf(text(area.sheet), text(area.area)),
          filled: number(area.filled),
          cells: list(area.cells).flatMap((each) => originOf(each, depth + 1) ?? []),
        })),
      };
    case "constant": {
      const at = record(node.code);
      return { ...common, kind: "constant", cell: number(at.cell), line: number(at.line) };
    }
    default:
      return { ...common, kind: "other" };
  }
}

const MOST_STRETCHES = 12;

/** Rows in words: `rows 5–9, 12`. */
export function rowsWords({ rows, count: all }: Source): string {
  if (rows === null) return all > 0 ? count(all, "row") : "rows that are not known";
  const stretches = rows.slice(0, MOST_STRETCHES).map(([first, last]) => (first === last ? String(first) : `${first}–${last}`));
  const more = rows.length > MOST_STRETCHES ? " …" : "";
  return `${all === 1 ? "row" : "rows"} ${stretches.join(", ")}${more} (${all.toLocaleString()} in all)`;
}

/** The first cell of an address such as `Sheet1!B2:D9` or `$B:$B`; null if it names no cell. */
export function firstCell(address: string): string | null {
  const cut = address.lastIndexOf("!") + 1;
  const cell = /^\$?([A-Za-z]{1,3})\$?([1-9]\d*)/.exec(address.slice(cut));
  return cell ? address.slice(0, cut) + `${cell[1]}${cell[2]}` : null;
}
