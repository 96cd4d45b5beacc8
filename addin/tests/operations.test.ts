// What the pane does in Excel when the service asks, against the stand-in's rules.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { boxOf, isDateFormat, isoDate } from "../src/office/operations/job";
import { MOST_READ } from "../src/office/operations/read";
import { perform, supportedTools } from "../src/office/operations/registry";
import { cellOf } from "../src/office/operations/write";
import { ExcelStandin } from "./excel_standin";

let excel: ExcelStandin;
beforeEach(() => {
  excel = new ExcelStandin().install();
});
afterEach(() => excel.uninstall());

const book = { name: "Book.xlsx", url: "https://contoso.sharepoint.com/Book.xlsx" };
const quiet = new AbortController().signal;
const run = (tool: string, asked: object, signal = quiet) =>
  perform(tool, { sheet: "Sheet1", ...asked }, book, signal) as Promise<Record<string, never>>;
const failure = (work: Promise<unknown>) => work.then(() => { throw new Error("it worked"); }, (error: unknown) => error);
const write = (range: string, values: unknown[][], more: object = {}) =>
  run("write_cells", { range, values, overwrite: false, text: false, ...more });
const read = (range: string, formulas = false) => run("read_range", { range, formulas });
const FORMAT = {
  bold: null, italic: null, underline: null, font_size: null, font_colour: null, fill_colour: null, number_format: null,
  horizontal: null, vertical: null, wrap: null, borders: null, column_width: null, merge: null,
};

describe("reading", () => {
  it("gives the filled part with its place, and dates as text", async () => {
    excel.put("B2", [["Day", 45_000, ""], ["x", 1.5, true]]);
    excel.sheet("Sheet1").numberFormats.set("1,2", "dd.mm.yyyy");

    expect(await read("A1:Z99")).toMatchObject({
      address: "A1:Z99", filled: "B2:D3", first_row: 2, first_column: "B",
      rows: [["Day", "2023-03-15", null], ["x", 1.5, true]],
    });
  });

  it("says which cells have formulas when it is asked", async () => {
    excel.compute = () => 7;
    await write("A1", [["=3+4", "x"]]);

    expect(await read("A1:B1", true)).toMatchObject({ rows: [[7, "x"]], formula_cells: [{ cell: "A1", formula: "=3+4" }] });
  });

  it("bounds what is read, and says where the rest is", async () => {
    excel.put("A1", Array.from({ length: MOST_READ }, (_, n) => [n, n]));

    const found = await read("A1:B99999");
    expect((found.rows as unknown as unknown[]).length).toBe(MOST_READ / 2);
    expect(found.left_out).toContain(`from row ${MOST_READ / 2 + 1} on`);
  });

  it("names the sheets there are when one is not", async () => {
    const asked = { sheet: "Q9", range: "A1", formulas: false };
    expect(await failure(perform("read_range", asked, book, quiet))).toMatchObject({
      code: "no-such-sheet", hint: expect.stringContaining('"Sheet1"'),
    });
  });

  it("gives an overview with used ranges, protection and the first rows", async () => {
    excel.put("A1", [["Region", "Sales"], ["North", 1]]);
    excel.insert("Empty");
    excel.sheet("Empty").locked = true;

    expect(await run("get_workbook_overview", {})).toMatchObject({
      active_sheet: "Sheet1", calculation: "Automatic",
      sheets: [
        { name: "Sheet1", used: "A1:B2", first_rows: [["Region", "Sales"], ["North", 1]] },
        { name: "Empty", used: "empty", protected: true },
      ],
    });
  });

  it("reads the selection, and finds texts", async () => {
    excel.put("C3", [["Total", "x"]]);
    excel.selected = ["Sheet1", "C3:D3"];

    expect(await run("read_selection", { formulas: false })).toMatchObject({ sheet: "Sheet1", rows: [["Total", "x"]] });
    expect(await run("search_cells", { sheet: "", text: "total", whole: false })).toMatchObject({
      matches: [{ sheet: "Sheet1", count: 1, cells: "C3" }],
    });
  });
});

describe("writing", () => {
  it("writes values, formulas and texts, and keeps identifiers whole", async () => {
    await write("A1", [["=A2*2", "007", "+7", "-5", "1234567890123456", "@a", "plain", 1.5, true, null]]);

    expect(excel.sheet("Sheet1").formulas.get("0,0")).toBe("=A2*2");
    expect(["B", "C", "E", "F", "G"].map((column) => excel.at(`${column}1`))).toEqual(["007", "+7", "1234567890123456", "@a", "plain"]);
    expect(excel.at("H1")).toBe(1.5);
    expect(excel.at("J1")).toBeUndefined();
  });

  it.each([["=1+1"], ["=cmd|' /C calc'!A0"], ["'x"], ["-x"]])("writes %s as text when text is asked for", async (text) => {
    await write("A1", [[text]], { text: true });

    expect(excel.at("A1")).toBe(text);
    expect(excel.sheet("Sheet1").formulas.size).toBe(0);
  });

  it("leaves filled cells alone unless it may overwrite", async () => {
    excel.put("B2", [["kept"]]);

    expect(await failure(write("A1", [[1, 2], [3, 4]]))).toMatchObject({ code: "cells-in-the-way", message: expect.stringContaining("B2") });
    expect(excel.at("A1")).toBeUndefined();
    expect(await write("A1", [[1, 2], [3, 4]], { overwrite: true })).toMatchObject({ replaced: "B2", cells: 4 });
    expect(excel.at("B2")).toBe(4);
  });

  it("reads back which formulas show errors", async () => {
    excel.compute = (formula) => (formula.includes("Nope") ? "#REF!" : 1);

    expect(await write("B2", [["=Nope!A1", "=1"], ["=Nope!A2", "=1"]])).toMatchObject({
      formula_error_count: 2, formula_errors: [{ cell: "B2", value: "#REF!" }, { cell: "B3", value: "#REF!" }],
    });
  });

  it("says which cells outside of the range changed, on every sheet", async () => {
    excel.insert("Sum,Other");
    excel.put("A1", [[1]], "Sum");
    excel.put("C9", [["old"]]);
    excel.recalculate = () => { excel.put("A1", [[5]], "Sum"); excel.sheet("Sheet1").cells.delete("8,2"); };

    expect(await write("A1", [[4]])).toMatchObject({
      changed_outside_count: 2,
      changed_outside: [{ cell: "Sum!A1", before: 1, now: 5 }, { cell: "Sheet1!C9", before: "old", now: null }],
    });
  });

  it("refuses another shape than the range it names", async () => {
    expect(await failure(write("A1:B2", [[1]]))).toMatchObject({ code: "shape-differs" });
  });

  it("fills one formula into a range", async () => {
    await run("fill_formula", { range: "C2:C4", formula: "=A2*2", overwrite: false });

    expect(excel.sheet("Sheet1").formulas.size).toBe(3);
  });

  it("writes 100,000 cells in few requests of a size that Excel takes", async () => {
    const values = Array.from({ length: 10_000 }, (_, n) => Array.from({ length: 10 }, (_, m) => `cell ${n} ${m}`.padEnd(60, "x")));
    await write("A1", values);

    expect(excel.syncs).toBeLessThanOrEqual(20);
    expect(Math.max(...excel.requests)).toBeLessThan(5_000_000);
    expect(excel.at("J10000")).toBe("cell 9999 9".padEnd(60, "x"));
  });

  it.each([
    ["a cell is edited", () => { excel.editing = true; }, "cell-edit-mode"],
    ["the sheet is protected", () => { excel.sheet("Sheet1").locked = true; }, "sheet-protected"],
    ["another workbook is open", () => { excel.name = "Other.xlsx"; }, "workbook-switched"],
  ])("changes nothing and says so when %s", async (_, happen, code) => {
    happen();

    expect(await failure(write("A1", [[1]]))).toMatchObject({ code });
    expect(excel.at("A1")).toBeUndefined();
  });

  it("stops between chunks when the workbook is switched, and says how far it came", async () => {
    const values = Array.from({ length: 10_000 }, () => Array.from({ length: 10 }, () => "x".repeat(60)));
    excel.synced = () => { if (excel.at("A1") !== undefined) excel.name = "Other.xlsx"; };

    const problem = await failure(write("A1", values));
    expect(problem).toMatchObject({ code: "workbook-switched", message: expect.stringMatching(/[1-9]\d* of 10000 rows were written/) });
    expect(excel.at("A10000")).toBeUndefined();
  });

  it("stops when it is cancelled", async () => {
    const stop = new AbortController();
    excel.synced = () => stop.abort();

    expect(await failure(perform("write_cells", { sheet: "Sheet1", range: "A1", values: [[1]], overwrite: false, text: false }, book, stop.signal)))
      .toMatchObject({ code: "cancelled" });
    expect(excel.at("A1")).toBeUndefined();
  });
});

describe("changing formats and structure", () => {
  const format = (more: object) => run("format_cells", { range: "A1:B2", ...FORMAT, ...more });

  it("sets what is named and nothing else", async () => {
    await format({ bold: true, fill_colour: "#FFF2CC", number_format: "#,##0.00", borders: "outline" });

    const style = excel.sheet("Sheet1").styles.get("1,1");
    expect(style).toMatchObject({ "font.bold": true, "fill.color": "#FFF2CC", "borders.bottom.style": "Continuous" });
    expect(style).not.toHaveProperty("font.italic");
    expect(excel.sheet("Sheet1").numberFormats.get("0,0")).toBe("#,##0.00");
  });

  it("merges empty cells, and never at the cost of content", async () => {
    excel.put("A1", [["Title"]]);
    await format({ merge: "merge" });
    expect(excel.sheet("Sheet1").merges).toEqual(["Sheet1!A1:B2"]);

    excel.put("B2", [["lost"]]);
    expect(await failure(format({ merge: "merge" }))).toMatchObject({ code: "merge-loses-content" });
  });

  it("adds conditional formats, and clears them", async () => {
    const rule = {
      range: "A1:A9", kind: "custom", formula: "=$A1>5", second_formula: "", operator: "greater", text: "", rank: 10,
      top_bottom: "top_items", preset: "duplicates", fill_colour: null, font_colour: "#9C0006",
    };
    await run("conditional_format", rule);
    expect(excel.sheet("Sheet1").rules).toMatchObject([{ type: "Custom", rule: { formula: "=$A1>5" }, format: { font: "#9C0006" } }]);
    expect(await failure(run("conditional_format", { ...rule, formula: "" }))).toMatchObject({ code: "formula-missing" });

    await run("conditional_format", { ...rule, kind: "clear" });
    expect(excel.sheet("Sheet1").rules).toEqual([]);
  });

  const structure = (more: object) => run("modify_structure", { first: 1, count: 1, new_name: "", ...more });

  it("inserts and deletes rows and columns", async () => {
    excel.put("A1", [[1, 2], [3, 4]]);
    await structure({ action: "insert_rows", first: 2, count: 2 });
    expect([excel.at("A2"), excel.at("A4")]).toEqual([undefined, 3]);

    await structure({ action: "delete_columns", first: 1 });
    expect(excel.at("A1")).toBe(2);
  });

  it("adds, renames and deletes sheets, but not the last one", async () => {
    expect(await failure(structure({ action: "delete_sheet" }))).toMatchObject({ code: "last-sheet" });
    await structure({ action: "add_sheet", sheet: "New" });
    expect(await failure(structure({ action: "add_sheet", sheet: "new" }))).toMatchObject({ code: "sheet-exists" });
    expect(await failure(structure({ action: "rename_sheet", new_name: "a/b" }))).toMatchObject({ code: "bad-sheet-name" });
    await structure({ action: "rename_sheet", sheet: "New", new_name: "Newer" });
    await structure({ action: "delete_sheet" });

    expect(excel.sheets.map((sheet) => sheet.name)).toEqual(["Newer"]);
  });

  it("makes charts, and works with comments", async () => {
    await run("create_chart", { range: "A1:B9", kind: "column", title: "<b>Sales</b>", series_by: "auto", place: "D2" });
    expect(excel.sheet("Sheet1").charts).toMatchObject([
      { type: "ColumnClustered", source: "Sheet1!A1:B9", title: "<b>Sales</b>", place: "D2" },
    ]);

    await run("comments", { action: "add", cell: "B2", text: "Why?" });
    await run("comments", { action: "reply", cell: "B2", text: "So." });
    expect(await run("comments", { action: "list", cell: "", text: "" })).toMatchObject({ comments: [{ cell: "B2", text: "Why?", author: "Ann" }] });
    await run("comments", { action: "delete", cell: "B2", text: "" });
    expect(await failure(run("comments", { action: "resolve", cell: "B2", text: "" }))).toMatchObject({ code: "no-comment" });
  });
});

describe("long texts", () => {
  it("are written though they are too many to be looked at together, and read back in parts", async () => {
    excel.insert("Notes");
    const sheet = excel.sheet("Notes");
    for (let row = 0; row < 600; row += 1) sheet.cells.set(`${row},0`, "x".repeat(10_000));
    excel.put("A1", [["kept"]]);

    const done = await write("B1", Array.from({ length: 1200 }, (_, n) => [n === 1199 ? "=1/0" : "y".repeat(5_000)]));

    expect(done.cells).toBe(1200);
    expect(done.outside).toContain("too big to look");
    expect(excel.at("B1199")).toBe("y".repeat(5_000));
  });
});

describe("a workbook that is switched in the middle", () => {
  const STRUCTURE = { first: 1, count: 1, new_name: "" };
  const RULE = {
    range: "A1:B2", kind: "cell_value", formula: "=1", second_formula: "", operator: "greater", text: "", rank: 10,
    top_bottom: "top_items", preset: "blanks", fill_colour: null, font_colour: null,
  };
  const state = () => JSON.stringify(excel.sheets.map((sheet) => [
    sheet.name, ...[sheet.cells, sheet.formulas, sheet.styles, sheet.numberFormats].map((each) => [...each]), sheet.merges, sheet.rules, sheet.comments, sheet.charts,
  ]));

  it.each([
    ["write_cells", { range: "D1", values: [[1], ["=A1"]], overwrite: true, text: false }],
    ["fill_formula", { range: "D1:D9", formula: "=A1", overwrite: true }],
    ["format_cells", { range: "D1:E1", ...FORMAT, bold: true, merge: "merge", borders: "all" }],
    ["conditional_format", RULE],
    ["comments", { action: "add", cell: "A1", text: "x" }],
    ["comments", { action: "reply", cell: "B2", text: "x" }],
    ["comments", { action: "delete", cell: "B2", text: "" }],
    ["create_chart", { range: "A1:B2", kind: "line", title: "", series_by: "auto", place: "" }],
    ["modify_structure", { ...STRUCTURE, action: "add_sheet", sheet: "New" }],
    ["modify_structure", { ...STRUCTURE, action: "rename_sheet", new_name: "New" }],
    ["modify_structure", { ...STRUCTURE, action: "delete_sheet" }],
    ["modify_structure", { ...STRUCTURE, action: "delete_rows" }],
    ["modify_structure", { ...STRUCTURE, action: "insert_columns" }],
  ])("gets nothing of %s %j, and the plain reason", async (tool, asked) => {
    for (let at = 1; at <= 8; at += 1) {
      excel = new ExcelStandin().install();
      excel.insert("Second");
      excel.put("A1", [["a", 1], ["b", 2]]);
      excel.sheet("Sheet1").comments = [{ cell: "B2", content: "Why?", resolved: false, replies: [] }];
      let [switched, next, looked] = ["", "", 0];
      excel.synced = (number) => {
        if (number === at) {
          [switched, looked] = [state(), excel.lookedAt];
          excel.name = "Other.xlsx";
        } else if (number === at + 1) next = state();
      };
      const done = await run(tool, asked).catch((error: unknown) => error as { code: string; message: string });
      // Between a look at the workbook and the change that it allows there is nothing that could be asked.
      if (next && next !== switched && looked !== at) throw new Error(`${tool} had not looked in sync ${at}`);
      if (next && state() !== next) throw new Error(`${tool} went on after sync ${at}`);
      if ("code" in done) expect(done).toMatchObject({ code: "workbook-switched" });
    }
  });
});

describe("what it needs", () => {
  it("offers only what this Excel can do", () => {
    expect(supportedTools()).toContain("trace_dependencies");
    excel.version = 1.05;
    expect(supportedTools()).toContain("write_cells");
    expect(supportedTools()).not.toContain("conditional_format");
    expect(supportedTools()).not.toContain("trace_dependencies");
  });

  it("refuses a tool that it does not know", async () => {
    expect(await failure(run("constructor", {}))).toMatchObject({ code: "unknown-tool" });
  });

  it("reads addresses, and refuses what is none", () => {
    expect(boxOf("$D$9:b2")).toEqual({ row: 1, column: 1, rows: 8, columns: 3 });
    expect(() => boxOf("A0")).toThrow();
    expect(() => boxOf("ZZZ1")).toThrow();
  });

  it("knows dates by their format", () => {
    expect(["dd.mm.yyyy", "h:mm", "[$-407]d. mmm"].every(isDateFormat)).toBe(true);
    expect(["General", "#,##0.00", '0 "days"', "[Red]0", "@"].some(isDateFormat)).toBe(false);
    expect(isoDate(45_000.5)).toBe("2023-03-15 12:00:00");
  });

  it("keeps a text as long as a cell and refuses a longer one", () => {
    expect(cellOf("x".repeat(32_767))).toHaveLength(32_767);
    expect(() => cellOf("x".repeat(32_768))).toThrow("32767");
  });
});
