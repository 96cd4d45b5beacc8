// Rows of a preview as texts, and what the profile says about them.

export type Value = string | number | boolean | null | { date?: string; time?: string; error?: string };

export function cellText(value: Value): string {
  if (value === null) return "";
  if (typeof value === "number") return value.toLocaleString(undefined, { maximumFractionDigits: 10, useGrouping: false });
  if (typeof value === "object") return String(value.date ?? value.error ?? value.time ?? JSON.stringify(value));
  return String(value);
}

/** Column letters as Excel has them: A, B … Z, AA … */
export function letter(column: number): string {
  let text = "";
  for (let rest = column + 1; rest > 0; rest = Math.floor((rest - 1) / 26)) {
    text = String.fromCharCode(65 + ((rest - 1) % 26)) + text;
  }
  return text;
}

interface Column {
  name?: string;
  letter?: string;
  kind?: string;
  stored_as?: string;
  ambiguous?: unknown;
  errors?: unknown;
  strays?: unknown;
}
export interface Table {
  range?: string;
  header_rows?: number[];
  data_rows?: number;
  titles?: unknown[];
  totals?: { row?: number; label?: string; ties?: boolean }[];
  columns?: Column[];
}
export interface Sheet {
  name: string;
  visible?: unknown;
  range?: string;
  tables?: Table[];
}

export const sheetsOf = (profile: unknown): Sheet[] => {
  const sheets = (profile as { sheets?: unknown } | null)?.sheets;
  return Array.isArray(sheets) ? (sheets as Sheet[]) : [];
};

/** What is special about row *number* (from 1, as in Excel). */
export function rowKind(sheet: Sheet | undefined, number: number): { kind: string; why: string } | null {
  for (const table of sheet?.tables ?? []) {
    if (table.header_rows?.includes(number)) return { kind: "row-header", why: "Header row" };
    const total = table.totals?.find((each) => each.row === number);
    if (total) {
      const ties = total.ties === false ? "; it does not add up" : "";
      return { kind: "row-total", why: `Total row, not data${ties}` };
    }
  }
  return null;
}

const KINDS: Record<string, string> = {
  identifier: "identifier", integer: "whole number", number: "number", currency: "amount", percent: "percent",
  date: "date", time: "time", text: "text", boolean: "yes or no", mixed: "mixed", formula: "formula without value",
  empty: "empty",
};

/** A column's name, of which the profile has Python's notation. */
export const columnName = (name: unknown): string =>
  String(name ?? "").replace(/^(['"])([\s\S]*)\1$/, "$2").replaceAll("\\n", " ");

/** A column in words: its kind, and what to look at. */
export function columnWords(column: Column): { words: string; warning: boolean } {
  const kind = KINDS[column.kind ?? ""] ?? column.kind ?? "";
  const notes: string[] = [];
  if (column.stored_as) notes.push(`kept as ${column.stored_as}`);
  if (column.ambiguous) notes.push("can be read in two ways");
  if (column.errors) notes.push(`has error cells (${listed(column.errors)})`);
  if (column.strays) notes.push(`has other values (${listed(column.strays)})`);
  return { words: [kind, ...notes].join(", "), warning: notes.length > (column.stored_as ? 1 : 0) || column.kind === "mixed" };
}

function listed(value: unknown): string {
  if (Array.isArray(value)) {
    const shown = value.slice(0, 3).map(listed).join(", ");
    return value.length > 3 ? `${shown} …` : shown;
  }
  if (typeof value === "object" && value !== null) {
    return Object.entries(value).slice(0, 3).map(([key, each]) => `${key}: ${listed(each)}`).join(", ");
  }
  return String(value);
}
