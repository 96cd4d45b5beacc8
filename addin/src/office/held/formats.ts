// Formats of cells, and sizes of rows and columns: read in parts under Excel's limits, kept short, put back.
import { CHUNK_BYTES, chunksOf } from "../replace";
import { hasApi } from "../problems";
import type { Job } from "../operations/job";

/** Formats of the cells of a range: each kind once, and how often it comes, row by row. */
export interface HeldFormats {
  kinds: object[];
  /** Number of cells, and place in `kinds`. */
  runs: [count: number, kind: number][];
}
export interface HeldSizes {
  widths: { width: number; hidden: boolean }[];
  heights: { height: number; hidden: boolean }[];
}

/** A cell's formats are about 800 bytes: one answer stays under 5 MB. */
const CELLS_AT_ONCE = 4_000;
export const MOST_SIZES = 2_000;
const WANTED = {
  format: {
    borders: { color: true, style: true, weight: true },
    fill: { color: true, pattern: true, patternColor: true },
    font: { bold: true, color: true, italic: true, name: true, size: true, strikethrough: true, subscript: true, superscript: true, underline: true },
    horizontalAlignment: true, indentLevel: true, protection: true, readingOrder: true, shrinkToFit: true, textOrientation: true,
    verticalAlignment: true, wrapText: true,
  },
};
const EDGES = ["bottom", "left", "right", "top", "diagonalDown", "diagonalUp"] as const;

/** Read the formats of *range*, and whether a cell has several at once; null where this Excel can't give them. */
export async function readFormats(
  job: Job, range: Excel.Range, rows: number, columns: number,
): Promise<{ formats: HeldFormats; mixed: boolean } | null> {
  if (!hasApi("1.9")) return null;
  const found: HeldFormats = { kinds: [], runs: [] };
  const known = new Map<string, number>();
  let mixed = false;
  const step = Math.max(1, Math.floor(CELLS_AT_ONCE / columns));
  for (let first = 0; first < rows; first += step) {
    const part = range.getCell(first, 0).getResizedRange(Math.min(step, rows - first) - 1, columns - 1);
    const read = part.getCellProperties(WANTED);
    await job.sync();
    for (const { format } of read.value.flat()) {
      const kept = toWrite(format ?? {});
      mixed ||= Object.values(format?.font ?? {}).includes(null);
      const key = JSON.stringify(kept);
      if (!known.has(key)) known.set(key, found.kinds.push(kept) - 1);
      const [kind, last] = [known.get(key)!, found.runs.at(-1)];
      if (last?.[1] === kind) last[0] += 1;
      else found.runs.push([1, kind]);
    }
  }
  return { formats: found, mixed };
}

/** *properties* as an earlier version kept them, cell by cell. */
export const formatsOf = (properties: readonly { format?: Excel.CellPropertiesFormat }[][]): HeldFormats => {
  const kinds = properties.flat().map(({ format }) => toWrite(format ?? {}));
  return { kinds, runs: kinds.map((_, kind) => [1, kind]) };
};

/** *format* as it is written back: what a cell has not is not drawn. */
function toWrite({ fill, font, borders, ...format }: Excel.CellPropertiesFormat): Excel.CellPropertiesFormat {
  const known = Object.fromEntries(Object.entries(font ?? {}).filter(([, value]) => value !== null));
  const drawn = Object.fromEntries(EDGES.flatMap((edge) => {
    const border = borders?.[edge];
    if (!border) return [];
    // A colour or a weight would draw a line where there is none.
    return [[edge, border.style === "None" ? { style: "None" } : { color: border.color, style: border.style, weight: border.weight }]];
  }));
  // A cell without a fill says it is white: written back, that would hide its grid lines.
  const filled = fill?.color && fill.pattern !== "None";
  const pattern = filled && fill.pattern && fill.pattern !== "Solid" ? { pattern: fill.pattern, patternColor: fill.patternColor } : {};
  return { ...format, font: known, ...(borders ? { borders: drawn } : {}), ...(filled ? { fill: { color: fill.color, ...pattern } } : {}) } as Excel.CellPropertiesFormat;
}

/** Put *held* back into *range*; the fill of all its cells is taken off first. */
export async function putFormats(job: Job, range: Excel.Range, columns: number, held: HeldFormats): Promise<void> {
  const cells = held.runs.flatMap(([count, kind]) => Array.from({ length: count }, () => ({ format: held.kinds[kind] }) as Excel.SettableCellProperties));
  const rows = Array.from({ length: cells.length / columns }, (_, r) => cells.slice(r * columns, (r + 1) * columns));
  for (const { first, count } of chunksOf(rows, CHUNK_BYTES)) {
    await job.sure();
    if (first === 0) range.format.fill.clear();
    range.getCell(first, 0).getResizedRange(count - 1, columns - 1).setCellProperties(rows.slice(first, first + count));
    await job.sync();
  }
}

/** Read heights and widths of the rows and columns of *range*; null where there are too many, or this Excel can't give them. */
export async function readSizes(job: Job, range: Excel.Range, rows: number, columns: number): Promise<HeldSizes | null> {
  if (!hasApi("1.9") || rows > MOST_SIZES || columns > MOST_SIZES) return null;
  const across = range.getColumnProperties({ columnHidden: true, format: { columnWidth: true } });
  const down = range.getRowProperties({ rowHidden: true, format: { rowHeight: true } });
  await job.sure();
  return {
    widths: across.value.map((each) => ({ width: each.format?.columnWidth ?? 0, hidden: each.columnHidden ?? false })),
    heights: down.value.map((each) => ({ height: each.format?.rowHeight ?? 0, hidden: each.rowHidden ?? false })),
  };
}

/** Give rows and columns of *range* the sizes of *held*; those that have them already are left alone. */
export async function putSizes(job: Job, range: Excel.Range, held: HeldSizes): Promise<void> {
  const now = await readSizes(job, range, held.heights.length, held.widths.length);
  held.widths.forEach(({ width, hidden }, place) => {
    const column = range.getCell(0, place).getEntireColumn();
    if (hidden !== now?.widths[place]?.hidden) column.columnHidden = hidden;
    if (!hidden && width !== now?.widths[place]?.width) column.format.columnWidth = width;
  });
  held.heights.forEach(({ height, hidden }, place) => {
    const row = range.getCell(place, 0).getEntireRow();
    if (hidden !== now?.heights[place]?.hidden) row.rowHidden = hidden;
    if (!hidden && height !== now?.heights[place]?.height) row.format.rowHeight = height;
  });
  await job.sync();
}
