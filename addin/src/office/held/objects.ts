// What lies on a sheet beside its cells: named before it goes, since Excel's API can't put it back.
import { hasApi } from "../problems";
import { boxOf, cellName, type Job, localAddress } from "../operations/job";

export interface HeldTable {
  name: string;
  address: string;
  style: string;
  headers: boolean;
  totals: boolean;
}
type Box = ReturnType<typeof boxOf>;
const touch = (a: Box, b: Box): boolean =>
  a.row < b.row + b.rows && b.row < a.row + a.rows && a.column < b.column + b.columns && b.column < a.column + a.columns;

/**
 * Name the PivotTables, charts, pictures and slicers that would go with *place*, or with the whole sheet.
 *
 * @returns such as `PivotTable "Sales"`; and what this Excel can't be asked for
 */
export async function goingWith(job: Job, sheet: Excel.Worksheet, place: Excel.Range | null): Promise<{ lost: string[]; unasked: string[] }> {
  const unasked = [
    ...(hasApi("1.8") ? [] : ["PivotTables"]), ...(hasApi("1.9") ? [] : ["pictures and shapes"]), ...(hasApi("1.10") ? [] : ["slicers"]),
  ];
  const pivots = hasApi("1.8") ? sheet.pivotTables.load("items/name") : null;
  const drawn = "items/name,items/top,items/left,items/height,items/width";
  const charts = sheet.charts.load(drawn);
  const shapes = hasApi("1.9") ? sheet.shapes.load(drawn) : null;
  const slicers = hasApi("1.10") ? sheet.slicers.load(drawn) : null;
  place?.load("address,top,left,height,width");
  await job.sync();
  const areas = pivots?.items.map((each) => each.layout.getRange().load("address")) ?? [];
  if (place && areas.length > 0) await job.sync();
  const box = place ? boxOf(lines(localAddress(place.address))) : null;
  const lies = (each: { top: number; left: number; height: number; width: number }) =>
    !place || (each.top < place.top + place.height && place.top < each.top + each.height && each.left < place.left + place.width && place.left < each.left + each.width);
  const named = (kind: string, all: readonly { name: string }[]) => all.map(({ name }) => `${kind} ${JSON.stringify(name)}`);
  const lost = [
    ...named("PivotTable", (pivots?.items ?? []).filter((_, n) => !box || touch(boxOf(areas[n]!.address), box))),
    ...named("chart", charts.items.filter(lies)),
    ...named("shape or picture", (shapes?.items ?? []).filter(lies)),
    ...named("slicer", (slicers?.items ?? []).filter(lies)),
  ];
  return { lost, unasked };
}

/** `3:5` and `C:D` as ranges of cells. */
function lines(address: string): string {
  const rows = /^\$?(\d+):\$?(\d+)$/.exec(address);
  if (rows) return `A${rows[1]}:XFC${rows[2]}`;
  const columns = /^\$?([A-Z]+):\$?([A-Z]+)$/.exec(address);
  return columns ? `${columns[1]}1:${columns[2]}1048576` : address;
}

/** The tables of *sheet*: they are made again before its cells are filled. */
export async function readTables(job: Job, sheet: Excel.Worksheet): Promise<HeldTable[]> {
  const all = sheet.tables.load("items/name,items/style,items/showHeaders,items/showTotals");
  await job.sync();
  const at = all.items.map((each) => each.getRange().load("address"));
  if (at.length > 0) await job.sync();
  return all.items.map(({ name, style, showHeaders, showTotals }, n) => ({
    name, style, headers: showHeaders, totals: showTotals, address: localAddress(at[n]!.address),
  }));
}

/** Make *tables* again on an empty sheet; their cells are filled later. */
export function putTables(sheet: Excel.Worksheet, tables: readonly HeldTable[]): void {
  for (const each of tables) {
    const { row, column, rows, columns } = boxOf(each.address);
    const last = cellName(row + rows - 1 - (each.totals ? 1 : 0), column + columns - 1);
    const made = sheet.tables.add(`${cellName(row, column)}:${last}`, each.headers);
    if (each.totals) made.showTotals = true; // adds the row below
    made.name = each.name;
    made.style = each.style;
  }
}
