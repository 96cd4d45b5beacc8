import { FluentProvider, webLightTheme } from "@fluentui/react-components";
import { cleanup, fireEvent, render, screen, waitFor, within } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Composer } from "../src/chat/composer";
import { OfficeLine } from "../src/chat/office_line";
import { matches } from "../src/recovery/fuzzy";
import { HistoryDialog } from "../src/recovery/history_dialog";
import { ExcelStandin } from "./excel_standin";
import { HOSTILE } from "./hostile";

const path = { conversation: "c", path: "main" };
const shown = (element: React.ReactElement) => render(<FluentProvider theme={webLightTheme}>{element}</FluentProvider>);
const about = { workbook: "Book.xlsx", sheet: "Sheet1", address: "A1", tool: "write_cells" };
const held = {
  row: 0, column: 0, rows: 1, columns: 1, formulas: [["before"]], numberFormat: [["General"]], missing: [], merges: [],
};
let excel: ExcelStandin;
let asked: { method: string; address: string; body: unknown }[];
let kept: { id: string; content: object }[];

beforeEach(() => {
  Reflect.set(Element.prototype, "animate", undefined); // cancelled animations are noise here
  excel = new ExcelStandin().install();
  asked = [];
  kept = [{ id: "ck_1", content: { url: excel.url, snapshot: { kind: "cells", sheet: "Sheet1", held } } }];
  const facts = ({ id }: { id: string }) => ({ id, at: "2026-11-20T22:00:00+00:00", turn: null, request: null, size: 1, ...about });
  vi.stubGlobal("fetch", async (address: string, { method, body }: { method: string; body?: string }) => {
    asked.push({ method, address, body: body ? JSON.parse(body) : undefined });
    const id = address.split("/ranges/")[1];
    const found = kept.find((each) => each.id === id);
    const answer = method === "POST" ? facts({ id: "ck_2" })
      : method === "DELETE" ? ((kept = id ? kept.filter((each) => each !== found) : []), { deleted: [], freed: 0 })
      : id ? { ...facts({ id }), content: found?.content ?? null } : { enabled: true, checkpoints: kept.map(facts) };
    return new Response(JSON.stringify(answer), { status: 200 });
  });
});
afterEach(() => {
  cleanup();
  excel.uninstall();
  vi.unstubAllGlobals();
});

describe("the history of the workbook", () => {
  it("shows what was there, and puts it back after keeping what is there now", async () => {
    excel.put("A1", [["after"]]);
    shown(<HistoryDialog path={path} inExcel close={() => {}} />);
    fireEvent.click(await screen.findByText(/Before write cells: Sheet1!A1/));
    expect((await screen.findByRole("cell")).textContent).toBe("before");
    fireEvent.click(screen.getByRole("button", { name: "Put back Sheet1!A1" }));
    await screen.findByText("Sheet1!A1 is as it was.");

    expect(excel.at("A1")).toBe("before");
    expect(asked.find((each) => each.method === "POST")?.body).toMatchObject({
      request: null, content: { snapshot: { held: { formulas: [["'after"]] } } },
    });
  });

  it("puts nothing into another workbook", async () => {
    excel.name = "Other.xlsx";
    excel.put("A1", [["theirs"]]);
    shown(<HistoryDialog path={path} inExcel close={() => {}} />);
    fireEvent.click(await screen.findByRole("button", { name: "Put back Sheet1!A1" }));
    await screen.findByRole("alert");

    expect(excel.at("A1")).toBe("theirs");
    expect(screen.getByRole("alert").textContent).toContain("“Other.xlsx” is open");
  });

  it("asks before it takes away what can't be kept", async () => {
    kept = [{ id: "ck_1", content: { url: excel.url, snapshot: { kind: "chart-added", sheet: "Sheet1", name: "Tallybook 1" } } }];
    excel.sheet("Sheet1").charts = [{ type: "Line", source: "", title: "", place: "", name: "Tallybook 1", box: "A1:B2" }];
    shown(<HistoryDialog path={path} inExcel close={() => {}} />);
    fireEvent.click(await screen.findByRole("button", { name: "Put back Sheet1!A1" }));
    expect((await screen.findByRole("alert")).textContent).toContain("takes away chart Tallybook 1, which can't be kept");
    expect(excel.sheet("Sheet1").charts).toHaveLength(1);

    fireEvent.click(await screen.findByRole("button", { name: "Put back all the same" }));
    await screen.findByText(/Chart Tallybook 1 is removed again/);
    expect(excel.sheet("Sheet1").charts).toHaveLength(0);
  });

  it("finds, deletes one, deletes all; outside Excel it puts nothing back", async () => {
    kept.push({ id: "ck_9", content: {} });
    shown(<HistoryDialog path={path} inExcel={false} close={() => {}} />);
    await waitFor(() => expect(screen.getAllByRole("listitem").length).toBe(2));
    expect(screen.queryByRole("button", { name: /Put back/ })).toBeNull();
    fireEvent.click(screen.getAllByRole("button", { name: /Delete the checkpoint/ })[0]!);
    await waitFor(() => expect(screen.getAllByRole("listitem").length).toBe(1));
    fireEvent.change(screen.getByLabelText("Search the history"), { target: { value: "zzz" } });
    await screen.findByText("Nothing fits.");
    fireEvent.click(screen.getByRole("button", { name: "Delete all" }));
    await screen.findByText("Nothing was changed in Excel from here yet.");
  });

  it.each(HOSTILE)("shows %s from cells, names and errors as text", async (text) => {
    kept = [{ id: "ck_1", content: { url: "", snapshot: { kind: "cells", sheet: text, held: { ...held, formulas: [[`'${text}`]] } } } }];
    about.sheet = text;
    shown(<HistoryDialog path={path} inExcel close={() => {}} />);
    fireEvent.click((await screen.findAllByRole("button", { expanded: false }))[0]!);
    await waitFor(() => expect(screen.getByRole("cell").textContent).toBe(text));
    about.sheet = "Sheet1";
    const { container } = shown(
      <OfficeLine step={{ type: "office", id: "o", tool: text, arguments: { sheet: text, range: text }, workbook: text, status: "error", summary: text, error: { code: "x", message: text, hint: text } }} />,
    );
    expect(container.querySelector("script, img, iframe, b, svg[onload]")).toBeNull();
    expect(document.querySelectorAll("[onerror], [onload]").length).toBe(0);
  });
});

describe("slash commands", () => {
  const composed = () => {
    const [sent, ran] = [vi.fn(async () => undefined), vi.fn()];
    const commands = ["history", "revert"].map((name) => ({ name, says: name, run: () => ran(name) }));
    shown(<Composer disabled={false} reason="" pick={() => {}} send={sent} commands={commands} />);
    const box = screen.getByLabelText("Request");
    return { sent, ran, box, write: (value: string) => fireEvent.change(box, { target: { value } }), key: (key: string) => fireEvent.keyDown(box, { key }) };
  };

  it("are found by some of their letters, chosen by keys, and never sent", () => {
    const { sent, ran, write, key } = composed();
    write("/rvt");
    expect(within(screen.getByRole("listbox")).getAllByRole("option").length).toBe(1);
    key("Enter");
    write("/");
    key("ArrowDown");
    key("ArrowDown");
    key("ArrowUp");
    key("Enter");

    expect(ran.mock.calls).toEqual([["revert"], ["revert"]]);
    expect(sent).not.toHaveBeenCalled();
  });

  it("leave words that begin with a slash alone if they are no command", () => {
    const { sent, ran, write, key } = composed();
    for (const words of ["/history of sales", "/xyz"]) {
      write(words);
      expect(screen.queryByRole("listbox")).toBeNull();
      key("Enter");
    }
    expect(sent.mock.calls).toEqual([["/history of sales"], ["/xyz"]]);
    expect(ran).not.toHaveBeenCalled();
  });

  it("match letters in their order", () => {
    expect([matches("hst", "history"), matches("", "x"), matches("tsh", "history"), matches("HI", "history")]).toEqual([true, true, false, true]);
  });
});
