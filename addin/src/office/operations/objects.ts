// Charts, PivotTables and comments.
import type { Schemas } from "../../api/events";
import { WorkbookProblem } from "../problems";
import { count } from "../../parts/words";
import { boxOf, type Job, localAddress } from "./job";

type Tools = Schemas["OfficeTools"];

const CHARTS = {
  column: "ColumnClustered", stacked_column: "ColumnStacked", bar: "BarClustered", line: "Line", area: "Area", pie: "Pie",
  doughnut: "Doughnut", scatter: "XYScatter",
} as const;
const SERIES = { auto: "Auto", rows: "Rows", columns: "Columns" } as const;

export async function createChart(job: Job, asked: Tools["create_chart"]): Promise<object> {
  boxOf(asked.range);
  const sheet = await job.sheet(asked.sheet);
  const name = await freeChartName(job, sheet);
  const chart = sheet.charts.add(CHARTS[asked.kind], sheet.getRange(asked.range), SERIES[asked.series_by]);
  if (asked.title) chart.title.text = asked.title;
  if (asked.place) chart.setPosition(asked.place);
  chart.name = name;
  await job.sync();
  return { chart: name, sheet: asked.sheet, summary: `${asked.kind.replace("_", " ")} chart of ${asked.sheet}!${asked.range}` };
}

/** The name of the next chart that is made here: with it a checkpoint finds the chart again. */
export async function freeChartName(job: Job, sheet: Excel.Worksheet): Promise<string> {
  const all = sheet.charts.load("items/name");
  await job.sure();
  const taken = new Set(all.items.map((each) => each.name));
  let number = 1;
  while (taken.has(`Tallybook ${number}`)) number += 1;
  return `Tallybook ${number}`;
}

const SUMS = { sum: "Sum", count: "Count", average: "Average", max: "Max", min: "Min" } as const;

export async function createPivot(job: Job, asked: Tools["create_pivot"]): Promise<object> {
  const box = boxOf(asked.range);
  const { rows = [], columns = [] } = asked;
  const source = await job.sheet(asked.sheet);
  const target = await job.sheet(asked.target_sheet);
  const range = source.getRange(asked.range);
  const head = range.getCell(0, 0).getResizedRange(0, box.columns - 1).load("values");
  const taken = job.context.workbook.pivotTables.getItemOrNullObject(asked.name).load("name");
  await job.sure();
  if (!taken.isNullObject) throw new WorkbookProblem("name-taken", `There is a PivotTable ${JSON.stringify(asked.name)} already.`, "Choose another name.");
  const fields = (head.values[0] ?? []).map(String);
  const wanted = [...rows, ...columns, ...asked.values.map((each) => each.field)];
  const unknown = wanted.find((field) => !fields.includes(field));
  if (unknown !== undefined) {
    throw new WorkbookProblem("no-such-field", `The first row of ${asked.range} has no ${JSON.stringify(unknown)}.`, `It has: ${fields.map((each) => JSON.stringify(each)).join(", ")}.`);
  }
  const pivot = target.pivotTables.add(asked.name, range, target.getRange(asked.target_cell));
  for (const field of rows) pivot.rowHierarchies.add(pivot.hierarchies.getItem(field));
  for (const field of columns) pivot.columnHierarchies.add(pivot.hierarchies.getItem(field));
  for (const { field, how } of asked.values) {
    pivot.dataHierarchies.add(pivot.hierarchies.getItem(field)).summarizeBy = SUMS[how];
  }
  const shown = pivot.layout.getRange().load("address");
  await job.sync();
  return { pivot: asked.name, address: shown.address, summary: `PivotTable ${asked.name} at ${shown.address}` };
}

const MOST_COMMENTS = 200;

export async function comments(job: Job, asked: Tools["comments"]): Promise<object> {
  const sheet = await job.sheet(asked.sheet);
  if (asked.action === "add") {
    job.context.workbook.comments.add(sheet.getRange(asked.cell), asked.text);
    await job.sync();
    return { added: asked.cell, summary: `Comment added at ${asked.sheet}!${asked.cell}` };
  }
  const all = sheet.comments.load("items/content,items/authorName,items/resolved");
  await job.sync();
  const places = all.items.map((comment) => comment.getLocation().load("address"));
  await job.sure();
  const at = (place: number) => localAddress(places[place]!.address);
  if (asked.action === "list") {
    const found = all.items
      .map(({ content, authorName, resolved }, place) => ({ cell: at(place), author: authorName, resolved, text: content.slice(0, 500) }))
      .filter((each) => !asked.cell || each.cell === asked.cell.toUpperCase());
    return { comments: found.slice(0, MOST_COMMENTS), summary: count(found.length, "comment") };
  }
  const comment = all.items.find((_, place) => at(place) === asked.cell.toUpperCase());
  if (!comment) throw new WorkbookProblem("no-comment", `${asked.sheet}!${asked.cell} has no comment.`, "List the comments first.");
  if (asked.action === "reply") comment.replies.add(asked.text);
  else if (asked.action === "resolve") comment.resolved = true;
  else comment.delete();
  await job.sync();
  return { done: asked.action, cell: asked.cell, summary: `${asked.action} at ${asked.sheet}!${asked.cell}` };
}
