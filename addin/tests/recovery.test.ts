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
    const inverse = (await inJob((job) => inverseOf(job, stored)))!;
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
    expect(snapshot).toMatchObject({ held: { missing: [] } });
    excel.version = 1.08;
    expect(await before("write_cells", WRITE)).toMatchObject({ held: { missing: expect.arrayContaining(["formats", "merged cells"]) } });

    const big = before("fill_formula", { range: `A1:A${MOST_HELD + 1}` });
    await expect(big).rejects.toBeInstanceOf(TooMuch);
  });

  it("keeps nothing of cells with too much text, and says so, whatever Excel answers", async () => {
    for (let row = 0; row < 600; row += 1) excel.sheet("Sheet1").cells.set(`${row},0`, "x".repeat(10_000));

    await expect(before("fill_formula", { range: "A1:A600" })).rejects.toBeInstanceOf(TooMuch);
  });

  it("has no snapshot of what it does not know", async () => {
    expect(await before("unheard_of", { range: "A1:B2" })).toBeNull();
  });
});

/** Everything that a sheet has, as it is compared. */
const whole = () => JSON.stringify(excel.sheets.map((sheet) => ({
  name: sheet.name, cells: [...sheet.cells].sort(), formulas: [...sheet.formulas].sort(), rules: sheet.rules, comments: sheet.comments,
  charts: sheet.charts.length, pivots: sheet.pivots, tables: sheet.tables, tab: sheet.tabColor,
  widths: [...sheet.widths].filter(([, width]) => width !== 60).sort(), heights: [...sheet.heights].filter(([, height]) => height !== 20).sort(),
  lines: [...sheet.styles].flatMap(([key, style]) => Object.entries(style).filter(([name, value]) => /^borders.*style$/.test(name) && value !== "None").map(([name]) => `${key} ${name}`)).sort(),
})));
const around = async (tool: string, asked: object) => {
  const snapshot = (await before(tool, asked))!;
  await perform(tool, { sheet: "Sheet1", ...asked }, book, quiet);
  return JSON.parse(JSON.stringify(snapshot)) as Snapshot;
};
const back = (snapshot: Snapshot) => inJob((job) => putBack(job, snapshot));
const RULE = {
  range: "A1:B2", kind: "clear", formula: "", second_formula: "", operator: "greater", text: "", rank: 10, top_bottom: "top_items",
  preset: "duplicates", fill_colour: null, font_colour: null,
};
const rules = () => {
  const look = { fill: "#FF0000", font: "#FFFFFF", "font.bold": true, "bottom.style": "Continuous", "bottom.color": "#000000" };
  excel.sheet("Sheet1").rules = [
    { address: "A1:B2", type: "Custom", stopIfTrue: true, rule: { formula: "=$A1>5" }, format: { ...look } },
    { address: "A1:A90,C1:C9", type: "CellValue", stopIfTrue: false, rule: { formula1: "=1", operator: "GreaterThan" }, format: { fill: "#00FF00" } },
    { address: "D1:D9", type: "TopBottom", stopIfTrue: false, rule: { rank: 3, type: "TopItems" }, format: { fill: "#0000FF" } },
    { address: "B1:B9", type: "DataBar", stopIfTrue: null, rule: { axisColor: "#111111", positiveFormat: { fillColor: "#222222" } }, format: {} },
    { address: "B2", type: "ColorScale", stopIfTrue: null, rule: { criteria: { minimum: { type: "LowestValue", color: "#FFFFFF" } } }, format: {} },
  ];
  return whole();
};

describe("what a checkpoint holds beside values", () => {
  it("puts cleared conditional formats back as they were, in their order, also those that went on elsewhere", async () => {
    rules();
    const [, , , ...kinds] = excel.sheet("Sheet1").rules.map((rule) => rule.type);
    const first = excel.sheet("Sheet1").rules.map(({ address, type, stopIfTrue, format }) => ({ address, type, stopIfTrue, fill: format.fill, bold: format["font.bold"] }));
    const snapshot = await around("conditional_format", RULE);
    expect(excel.sheet("Sheet1").rules.map((rule) => rule.address)).toEqual(["A3:A90,C1:C9", "D1:D9", "B3:B9"]);

    await back(snapshot);

    expect(excel.sheet("Sheet1").rules.map(({ address, type, stopIfTrue, format }) => ({ address, type, stopIfTrue, fill: format.fill, bold: format["font.bold"] }))).toEqual(first);
    expect(excel.sheet("Sheet1").rules[0]).toMatchObject({ rule: { formula: "=$A1>5" }, format: { "bottom.style": "Continuous" } });
    expect(excel.sheet("Sheet1").rules.find((rule) => rule.type === "DataBar")).toMatchObject({ rule: { positiveFormat: { fillColor: "#222222" } } });
    expect(kinds).toEqual(["DataBar", "ColorScale"]);
  });

  it("puts them back on a sheet with more rules than can be read at once", async () => {
    rules();
    const sheet = excel.sheet("Sheet1");
    for (let row = 100; row < 320; row += 1) {
      sheet.rules.push({ address: `F${row}`, type: "Custom", stopIfTrue: false, rule: { formula: `=F${row}>1` }, format: { fill: "#FFFF00" } });
    }
    const first = sheet.rules.map(({ address, type }) => ({ address, type }));
    const snapshot = await around("conditional_format", RULE);
    expect(sheet.rules.map(({ address, type }) => ({ address, type }))).not.toEqual(first);

    await back(snapshot);

    expect(sheet.rules.map(({ address, type }) => ({ address, type }))).toEqual(first);
  });

  it("takes an added rule back, and lets the others alone", async () => {
    const first = rules();
    const asked = { ...RULE, kind: "custom", formula: "=$B1<0" };
    const snapshot = await around("conditional_format", asked);
    expect(whole()).not.toBe(first);
    await back(snapshot);

    expect(whole()).toBe(first);
  });

  it.each([
    ["add", "C3", []], ["reply", "B2", ["Two"]], ["resolve", "B2", []], ["delete", "B2", []],
  ])("takes %s of a comment back", async (action, cell) => {
    excel.sheet("Sheet1").comments = [{ cell: "B2", content: "Why?", resolved: false, replies: ["One"] }];
    const first = whole();
    const snapshot = await around("comments", { action, cell, text: "Two" });
    expect(whole()).not.toBe(first);

    const said = await back(snapshot);

    expect(whole()).toBe(first);
    if (action === "delete") expect(said).toContain("under your name");
  });

  it("takes borders and widths back", async () => {
    excel.recalculate = () => excel.sheet("Sheet1").cells.set("1,1", 3);
    const first = whole();
    const snapshot = await around("format_cells", { range: "A1:B2", ...FORMAT, merge: null, borders: "all", column_width: 99 });
    expect(whole()).not.toBe(first);
    await back(snapshot);

    expect(whole()).toBe(first);
  });

  it.each([["create_chart", { range: "A1:B2", kind: "column", title: "", series_by: "auto", place: "D2" }]])("takes %s back", async (tool, asked) => {
    excel.sheet("Sheet1").charts = [{ type: "Line", source: "", title: "own", place: "", name: "Tallybook 1", box: "H1:K9" }];
    const snapshot = await around(tool, asked);
    expect(excel.sheet("Sheet1").charts).toHaveLength(2);
    await back(snapshot);

    expect(excel.sheet("Sheet1").charts.map((each) => each.title)).toEqual(["own"]);
  });

  it("reads formats of many cells in parts under Excel's limit", async () => {
    const snapshot = (await before("fill_formula", { range: `A1:B${MOST_HELD / 2}` }))!;
    await back(snapshot);

    expect(Math.max(...excel.requests)).toBeLessThan(5_000_000);
  });

  it("takes back what an earlier version kept", async () => {
    const held = {
      row: 0, column: 0, rows: 1, columns: 1, formulas: [["'x"]], numberFormat: [["General"]], merges: [], missing: [],
      properties: [[{ format: { fill: { color: "#FFFFFF", pattern: "None" }, font: { bold: true } } }]],
    };
    await back({ kind: "cells", sheet: "Sheet1", held } as unknown as Snapshot);

    expect([excel.at("A1"), excel.sheet("Sheet1").styles.get("0,0")]).toMatchObject(["x", { "font.bold": true }]);
  });
});

describe("deleting rows, columns and sheets", () => {
  const setUp = () => {
    excel.insert("Second");
    rules();
    const sheet = excel.sheet("Sheet1");
    sheet.comments = [{ cell: "B2", content: "Why?", resolved: true, replies: ["So"] }];
    sheet.heights.set(1, 33);
    sheet.widths.set(1, 120);
    sheet.tabColor = "#123456";
    sheet.tables = [{ name: "Sales", address: "A1:B2", style: "TableStyleLight1", showHeaders: true, showTotals: true }];
    const second = excel.sheet("Second");
    for (const [key, formula] of [["0,0", "=Sheet1!B2*2"], ["1,0", "=SUM('Sheet1'!A1:B9)"], ["2,0", "=1+1"]] as const) {
      second.formulas.set(key, formula);
      second.cells.set(key, 1);
    }
    excel.recalculate = () => {
      for (const each of excel.sheets) for (const key of each.formulas.keys()) each.cells.set(key, each.name === "Second" ? 1 : 3);
    };
    return whole();
  };

  it.each([
    ["delete_rows", { first: 2, count: 1 }], ["delete_columns", { first: 2, count: 1 }], ["delete_sheet", {}],
  ])("%s comes back with formulas elsewhere, comments, rules, sizes and tables", async (action, more) => {
    setUp();
    const first = JSON.parse(whole()) as { name: string; rules: object[]; tables: object[] }[];
    const snapshot = await around("modify_structure", { ...STRUCTURE, ...more, action });
    expect([...excel.sheet("Second").formulas.values()].join()).toContain("#REF!");

    const said = await back(snapshot);

    const now = JSON.parse(whole()) as typeof first;
    const without = (all: typeof first) => all.map(({ rules, ...rest }) => ({ ...rest, rules: rules.length }));
    const mine = (all: typeof first) => without(all).map((each) => (action === "delete_sheet" ? { ...each, rules: 0 } : each));
    expect(mine(now)).toEqual(mine(first));
    expect(said).toContain("refer to it again");
  });

  it("leaves a formula elsewhere alone that was edited since", async () => {
    setUp();
    const snapshot = await around("modify_structure", { ...STRUCTURE, action: "delete_rows", first: 2 });
    excel.sheet("Second").formulas.set("0,0", "=Sheet1!A1");
    excel.sheet("Second").formulas.set("1,0", "=SUM('Sheet1'!A1:B99)");
    await back(snapshot);

    expect([...excel.sheet("Second").formulas.values()].slice(0, 2)).toEqual(["=Sheet1!A1", "=SUM('Sheet1'!A1:B100)"]);
  });

  it("names what cannot be put back, and deletes it only once the user agreed", async () => {
    excel.insert("Second");
    excel.sheet("Sheet1").pivots = [{ name: "By <region>", address: "E1:F9" }];
    excel.sheet("Sheet1").charts = [{ type: "Line", source: "", title: "", place: "", name: "Trend", box: "H1:K9" }];
    const first = whole();
    const asked = { sheet: "Sheet1", ...STRUCTURE, action: "delete_sheet" };

    const refused = await perform("modify_structure", asked, book, quiet).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: "cannot-be-put-back", message: expect.stringMatching(/PivotTable "By <region>", chart "Trend"/) });
    expect(whole()).toBe(first);
    const rows = await perform("modify_structure", { ...asked, action: "delete_rows", first: 3, count: 2 }, book, quiet).catch((error: unknown) => error);
    expect(rows).toMatchObject({ code: "cannot-be-put-back", message: expect.stringMatching(/PivotTable/) });
    await perform("modify_structure", { ...asked, action: "delete_rows", first: 30 }, book, quiet);

    const snapshot = await around("modify_structure", { ...asked, lose_objects: true });
    expect(snapshot).toMatchObject({ missing: ['PivotTable "By <region>"', 'chart "Trend"'] });
    expect(await back(snapshot)).toContain('Without PivotTable "By <region>"');
  });

  it("goes on where this Excel can't give a part, and names the part", async () => {
    excel.version = 1.05;
    const snapshot = await before("modify_structure", { ...STRUCTURE, action: "delete_rows", first: 2 });

    expect(snapshot).toMatchObject({
      missing: expect.arrayContaining(["formats", "merged cells", "conditional formats", "comments", "sizes of rows and columns", "PivotTables"]),
    });
  });

  it.each([
    ["fill_formula", { range: "A1:B2", formula: "=9", overwrite: true }],
    ["format_cells", { range: "A1:B2", ...FORMAT, borders: "all", column_width: 99 }],
    ["conditional_format", RULE],
    ["comments", { action: "delete", cell: "B2", text: "" }],
    ["modify_structure", { ...STRUCTURE, action: "delete_rows", first: 2 }],
    ["modify_structure", { ...STRUCTURE, action: "delete_sheet" }],
    ["create_chart", { range: "A1:B2", kind: "line", title: "", series_by: "auto", place: "" }],
  ])("stops putting %s back once another workbook is open", async (tool, asked) => {
    for (let at = 1; at <= 25; at += 1) {
      excel = new ExcelStandin().install();
      excel.put("A1", [["Region", "007"], ["North", 3]]);
      setUp();
      const snapshot = await around(tool, asked);
      const from = excel.syncs;
      let [switched, next, looked] = ["", "", 0];
      excel.synced = (number) => {
        if (number - from === at) {
          [switched, looked] = [whole(), excel.lookedAt - from];
          excel.name = "Other.xlsx";
        } else if (number - from === at + 1) next = whole();
      };
      await back(snapshot).catch((error: unknown) => expect(error).toMatchObject({ code: "workbook-switched" }));
      if (next && next !== switched && looked !== at) throw new Error(`${tool} had not looked in sync ${at}`);
      if (next && whole() !== next) throw new Error(`${tool} went on after sync ${at}`);
    }
  });
});
