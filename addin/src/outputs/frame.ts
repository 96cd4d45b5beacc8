// The HTML that pandas makes of a DataFrame, read into plain texts; nothing of it is ever inserted.

export interface Frame {
  /** Header rows; cells that span several columns are repeated. */
  header: string[][];
  rows: string[][];
  /** How many columns at the left are the index. */
  index: number;
  /** What pandas says of its size, such as "1000 rows × 5 columns". */
  note: string;
}

const MOST_COLUMNS = 2000;
// Each alternative ends at the end of the text or at the next "<", so that hostile text takes no longer than other text.
const TAG = /<!--[\s\S]*?(?:-->|$)|<(style|script)\b[\s\S]*?(?:<\/\1\s*>|$)|<(\/?)([a-z][a-z0-9]*)\b([^<>]*)>/gi;
const KEPT = new Set(["table", "thead", "tbody", "tr", "th", "td", "p"]);

/**
 * The tags of tables in *html*, with nothing in them but spans and the class; all else is text.
 * A parsed page runs nothing, but the browser would report each script and style in it.
 */
export function bareTables(html: string): string {
  let bare = "";
  let end = 0;
  const text = (from: number, to: number) => html.slice(from, to).replaceAll("<", "&lt;");
  for (const found of html.matchAll(TAG)) {
    bare += text(end, found.index);
    end = found.index + found[0].length;
    const name = (found[3] ?? "").toLowerCase();
    if (name === "br") bare += " ";
    if (!KEPT.has(name)) continue;
    if (found[2]) {
      bare += `</${name}>`;
      continue;
    }
    const spans = (found[4] ?? "").match(/\b(?:row|col)span="?\d{1,4}"?/gi) ?? [];
    const frame = name === "table" && /\bdataframe\b/.test(found[4] ?? "") ? ' class="dataframe"' : "";
    bare += `<${[name, ...spans].join(" ")}${frame}>`;
  }
  return bare + text(end, html.length);
}

function cells(row: HTMLTableRowElement): string[] {
  const texts: string[] = [];
  for (const cell of row.cells) {
    const span = Math.min(Math.max(1, cell.colSpan || 1), MOST_COLUMNS - texts.length);
    for (let column = 0; column < span; column += 1) texts.push((cell.textContent ?? "").trim());
  }
  return texts;
}

/** Return the DataFrame in *html*; null if there is none. */
export function frameFromHtml(html: string): Frame | null {
  if (!html.includes("dataframe")) return null;
  const parsed = new DOMParser().parseFromString(bareTables(html), "text/html");
  const table = parsed.querySelector("table.dataframe");
  if (table === null) return null;
  const all = [...table.querySelectorAll("tr")] as HTMLTableRowElement[];
  const isHead = (row: HTMLTableRowElement) => row.closest("thead") !== null;
  const header = all.filter(isHead).map(cells);
  const body = all.filter((row) => !isHead(row));
  const rows = openRows(body);
  const index = Math.max(0, ...body.map((row) => [...row.cells].filter((c) => c.localName === "th").length));
  const note = (parsed.querySelector("p")?.textContent ?? "").trim();
  return header.length + rows.length > 0 ? { header: joinedHeader(header, index), rows, index, note } : null;
}

/** pandas writes the index's names in a row of their own: they go into the row above. */
function joinedHeader(header: string[][], index: number): string[][] {
  const names = header.at(-1);
  const above = header.at(-2);
  if (!names || !above || names.slice(index).some(Boolean) || !names.some(Boolean)) return header;
  const both = above.map((text, column) =>
    column < index ? [names[column], text].filter(Boolean).join(" / ") : text,
  );
  return [...header.slice(0, -2), both];
}

/** Rows with the cells that reach down from rows above them. */
function openRows(rows: HTMLTableRowElement[]): string[][] {
  const reaching: { text: string; left: number }[] = [];
  return rows.map((row) => {
    const texts: string[] = [];
    const own = [...row.cells];
    for (let column = 0; own.length > 0 || (reaching[column]?.left ?? 0) > 0; column += 1) {
      const above = reaching[column];
      if (above && above.left > 0) {
        above.left -= 1;
        texts.push(above.text);
        continue;
      }
      const cell = own.shift();
      if (!cell || column >= MOST_COLUMNS) break;
      const text = (cell.textContent ?? "").trim();
      reaching[column] = { text, left: (cell.rowSpan || 1) - 1 };
      texts.push(text);
    }
    return texts;
  });
}

/** A cell's text as a number, if it is one; amounts with separators, percents and signs too. */
export function numberIn(text: string): number | null {
  const bare = text.replaceAll(",", "").replace(/%$/, "").trim();
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(bare)) return null;
  const value = Number(bare);
  return Number.isFinite(value) ? value : null;
}

/** Order of two cells: numbers by value, then texts, then what is missing. */
export function compareCells(one: string, other: string): number {
  const missing = (text: string) => text === "" || text === "NaN" || text === "NaT" || text === "None";
  if (missing(one) || missing(other)) return Number(missing(one)) - Number(missing(other));
  const [a, b] = [numberIn(one), numberIn(other)];
  if (a !== null && b !== null) return a - b;
  if (a !== null || b !== null) return a !== null ? -1 : 1;
  return one.localeCompare(other, undefined, { numeric: true });
}
