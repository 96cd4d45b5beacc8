// A change in Excel can be taken back, and taking it back as well.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Job } from "../src/office/operations/job";
import { perform } from "../src/office/operations/registry";
import { inExcel } from "../src/office/workbook";
import { inverseOf, MOST_HELD, putBack, type Snapshot, snapshotBefore, TooMuch } from "../src/recovery/snapshot";
import { ExcelStandin } from "./excel_standin";
import { HOSTILE } from "./hostile";

let excel: ExcelStandin;
const quiet = new AbortController().signal;
const book = { name: "Book.xlsx", url: "https://contoso.sharepoint.com/Book.xlsx" };
beforeEach(() => {
  excel = new ExcelStandin().install();
  excel.put("A1", [["Region", "007"], ["North", 3]]);
  excel.sheet("Sheet1").formulas.set("1,1", "=1+2");
});
afterEach(() => excel.uninstall());

const inJob = <T>(work: (job: Job) => Promise<T>) => inExcel((context) => work(new Job(context, book, quiet)));
const before = (tool: string, asked: object) => inJob((job) => snapshotBefore(job, tool, { sheet: "Sheet1", ...asked }));
const state = () => JSON.stringify(excel.sheets.map((sheet) => [
  sheet.name, [...sheet.cells].sort(), [...sheet.formulas].sort(), sheet.merges,
  [...sheet.styles].map(([key, style]) => [key, style["fill.color"] ?? null, style["font.bold"] ?? false]).filter(([, fill, bold]) => fill || bold).sort(),
]).sort());
const WRITE = { range: "A1", values: [["x", "y"], ["z", null]], overwrite: true, text: false };
const STRUCTURE = { first: 1, count: 1, new_name: "" };
const FORMAT = {
  bold: true, italic: null, underline: null, font_size: null, font_colour: null, fill_colour: "#FFF2CC", number_format: null,
  horizontal: null, vertical: null, wrap: null, borders: null, column_width: null, merge: "unmerge",
};

describe("taking a change back", () => {
  it.each([
    ["write_cells", WRITE],
    ["fill_formula", { range: "A1:C3", formula: "=9", overwrite: true }],
    ["format_cells", { range: "A1:B2", ...FORMAT }],
    ["modify_structure", { ...STRUCTURE, action: "delete_rows" }],
    ["modify_structure", { ...STRUCTURE, action: "delete_columns", first: 2 }],
    ["modify_structure", { ...STRUCTURE, action: "insert_rows", first: 2, count: 3 }],
    ["modify_structure", { ...STRUCTURE, action: "add_sheet", sheet: "New" }],
    ["modify_structure", { ...STRUCTURE, action: "rename_sheet", new_name: "Other" }],
    ["modify_structure", { ...STRUCTURE, action: "delete_sheet" }],
  ])("%s %j comes back whole, and can be done again", async (tool, asked) => {
    excel.insert("Second");
    excel.sheet("Sheet1").merges = ["Sheet1!A1:B1"];
    excel.recalculate = () => { if (excel.sheets.some((sheet) => sheet.formulas.get("1,1") === "=1+2")) for (const sheet of excel.sheets) if (sheet.formulas.get("1,1") === "=1+2") sheet.cells.set("1,1", 3); };
    const first = state();
    const snapshot = (await before(tool, asked))!;
    await perform(tool, { sheet: "Sheet1", ...asked }, book, quiet);
    const changed = state();
    expect(changed).not.toBe(first);

    const stored = JSON.parse(JSON.stringify(snapshot)) as Snapshot; // as the service gives it back
    const inverse = await inJob((job) => inverseOf(job, stored));
    await inJob((job) => putBack(job, stored));
    expect(state()).toBe(first);

    await inJob((job) => putBack(job, inverse));
    expect(state()).toBe(changed);
  });

  it("keeps text as text, whatever it looks like", async () => {
    const texts = [...HOSTILE, "007", "=1+1", "-5", "'x"];
    excel.put("A1", texts.map((text) => [text]));
    const range = `A1:A${texts.length}`;
    const snapshot = (await before("fill_formula", { range }))!;
    await perform("fill_formula", { sheet: "Sheet1", range, formula: "=1", overwrite: true }, book, quiet);
    await inJob((job) => putBack(job, snapshot));

    expect(texts.map((_, place) => excel.at(`A${place + 1}`))).toEqual(texts);
  });

  it("gives no fill back as no fill", async () => {
    const snapshot = (await before("format_cells", { range: "A1:B2" }))!;
    await perform("format_cells", { sheet: "Sheet1", range: "A1:B2", ...FORMAT }, book, quiet);
    await inJob((job) => putBack(job, snapshot));

    expect(excel.sheet("Sheet1").styles.get("0,0")?.["fill.color"]).toBeUndefined();
  });

  it("says what it leaves out, and keeps nothing of a range that is too big", async () => {
    const snapshot = await before("write_cells", WRITE);
    expect(snapshot).toMatchObject({ held: { missing: ["conditional formats", "comments"] } });
    excel.version = 1.08;
    expect(await before("write_cells", WRITE)).toMatchObject({ held: { missing: expect.arrayContaining(["formats", "merged cells"]) } });

    const big = before("fill_formula", { range: `A1:A${MOST_HELD + 1}` });
    await expect(big).rejects.toBeInstanceOf(TooMuch);
  });

  it("has no snapshot of changes that leave cells alone", async () => {
    expect(await before("create_chart", { range: "A1:B2" })).toBeNull();
  });
});
