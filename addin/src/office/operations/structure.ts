// Rows, columns and sheets: inserted, deleted, renamed.
import type { Schemas } from "../../api/events";
import { goingWith } from "../held/objects";
import { hasApi, WorkbookProblem } from "../problems";
import { type Job, lettersOf } from "./job";

type Asked = Schemas["OfficeTools"]["modify_structure"];
const FORBIDDEN = /[\\/?*:[\]]|^'|'$/;

/** The rows or columns that *asked* names, such as `3:5` or `C:D`. */
export function span(asked: Pick<Asked, "action" | "first" | "count">): string {
  const last = asked.first + asked.count - 1;
  const rows = asked.action.endsWith("rows");
  if (last > (rows ? 1_048_576 : 16_384)) {
    throw new WorkbookProblem("no-such-range", `A sheet has no ${rows ? "row" : "column"} ${last}.`, "Name fewer.");
  }
  return rows ? `${asked.first}:${last}` : `${lettersOf(asked.first - 1)}:${lettersOf(last - 1)}`;
}

const checkName = (name: string): void => {
  if (name.trim() && name.length <= 31 && !FORBIDDEN.test(name) && name.toLowerCase() !== "history") return;
  throw new WorkbookProblem("bad-sheet-name", `Excel takes no sheet called ${JSON.stringify(name)}.`, "Up to 31 characters without \\ / ? * : [ ].");
};

export async function modifyStructure(job: Job, asked: Asked): Promise<object> {
  const { worksheets } = job.context.workbook;
  if (asked.action === "add_sheet") {
    checkName(asked.sheet);
    await free(job, asked.sheet);
    worksheets.add(asked.sheet);
    await job.sync();
    return { added: asked.sheet, summary: `Sheet ${asked.sheet} added` };
  }
  const sheet = await job.sheet(asked.sheet);
  switch (asked.action) {
    case "rename_sheet":
      checkName(asked.new_name);
      if (asked.new_name.toLowerCase() !== asked.sheet.toLowerCase()) await free(job, asked.new_name);
      sheet.name = asked.new_name;
      await job.sync();
      return { renamed: asked.sheet, to: asked.new_name, summary: `${asked.sheet} is now ${asked.new_name}` };
    case "delete_sheet": {
      const all = worksheets.load("items/name,items/visibility");
      await job.sync();
      if (all.items.filter((each) => each.visibility === "Visible" && each.name !== asked.sheet).length === 0) {
        throw new WorkbookProblem("last-sheet", "It is the last visible sheet; a workbook needs one.", "Add another sheet first.");
      }
      await sureToLose(job, sheet, null, asked);
      await job.sure();
      sheet.delete();
      await job.sync();
      return { deleted: asked.sheet, summary: `Sheet ${asked.sheet} deleted`, ...(await broken(job)) };
    }
    default: {
      const range = sheet.getRange(span(asked));
      const rows = asked.action.endsWith("rows");
      if (!asked.action.startsWith("insert")) await sureToLose(job, sheet, range, asked);
      await job.sure();
      if (asked.action.startsWith("insert")) range.insert(rows ? "Down" : "Right");
      else range.delete(rows ? "Up" : "Left");
      await job.sync();
      const words = `${asked.action.replace("_", " ")} ${span(asked)} of ${asked.sheet}`;
      return { done: words, summary: words, ...(asked.action.startsWith("delete") ? await broken(job) : {}) };
    }
  }
}

/** Raise if objects would go that nothing can put back, unless the user has agreed to that. */
async function sureToLose(job: Job, sheet: Excel.Worksheet, place: Excel.Range | null, asked: Asked): Promise<void> {
  if (asked.lose_objects) return;
  const { lost } = await goingWith(job, sheet, place);
  if (lost.length === 0) return;
  throw new WorkbookProblem(
    "cannot-be-put-back",
    `${asked.sheet} has what Excel can't put back once it is deleted: ${lost.slice(0, 10).join(", ")}${lost.length > 10 ? ` and ${lost.length - 10} more` : ""}. Nothing was changed.`,
    "Ask the user whether they may go; if so, call it again with lose_objects.",
  );
}

async function free(job: Job, name: string): Promise<void> {
  const taken = job.context.workbook.worksheets.getItemOrNullObject(name).load("name");
  await job.sure();
  if (!taken.isNullObject) throw new WorkbookProblem("sheet-exists", `There is a sheet ${JSON.stringify(taken.name)} already.`, "Choose another name.");
}

/** Formulas that refer to what is gone. */
async function broken(job: Job): Promise<object> {
  if (!hasApi("1.9")) return {};
  const sheets = job.context.workbook.worksheets.load("items/name");
  await job.sync();
  const found = sheets.items.map((sheet) => sheet.findAllOrNullObject("#REF!", { completeMatch: false, matchCase: true }).load("address"));
  await job.sync();
  const cells = found.flatMap((areas) => (areas.isNullObject ? [] : [areas.address]));
  return { ref_errors: cells.join(",").slice(0, 2000) };
}

