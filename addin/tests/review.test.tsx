import { FluentProvider, webLightTheme } from "@fluentui/react-components";
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { useState } from "react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Schemas } from "../src/api/events";
import { cellsOf, inputsOf } from "../src/review/cells";
import { Badge, NotebookView } from "../src/review/notebook";
import { firstCell, originOf, placeOf, rowsWords } from "../src/review/origin";
import { Reruns, standing } from "../src/review/reruns";
import { NOTHING_ASKED } from "../src/review/asked";
import { TraceFound, TraceView, traceable } from "../src/review/trace";
import { ExcelStandin } from "./excel_standin";
import { HOSTILE } from "./hostile";

const path = { conversation: "c", path: "main" };
const shown = (element: React.ReactElement) => render(<FluentProvider theme={webLightTheme}>{element}</FluentProvider>);
const rows = {
  sheet: "Pivot", cell: "C3", value: 17782.29, kind: "rows",
  computation: { how: "sum", column: "Sales", rows: 13, where: { Region: "North", Quarter: "Q2" } },
  sources: [{ file: "inputs/q2.xlsx", sheet: "Q2", columns: ["Sales"], rows: [[4, 9], [12, 12]], count: 7, checked: true }],
};
const found: Schemas["CellTrace"] = {
  file: "outputs/pivot.xlsx", sheet: "Pivot", cell: "C3", sha256: "0", earlier: [], variables: ["kept"], notes: [], words: [],
  writer: { number: 6, id: "c6", turn: "t", request: "a pivot", model: "gemini-x", started: "2026-11-20T22:00:00+00:00" },
  steps: [{ cell: 3, id: "c3", line: 1, code: "a = 1" }, { cell: 3, id: "c3", line: 2, code: "b = 2" }, { cell: 6, id: "c6", line: 1, code: "c = 3" }],
  inputs: [{ file: "inputs/q2.xlsx", sheet: "Q2", columns: ["Sales"], sha256: "0", changed: true, written_by: null }],
  origin: rows,
};
const verified: Schemas["Verification"] = {
  verified: true, as_written: true, cells: 7, head: "h", problems: [], notes: [], signature: { key_id: "k1", valid: true, trusted: true }, reviews: [], files: {},
};
const notebook = {
  cells: [
    { cell_type: "markdown", id: "r", source: ["stack ", "them"], metadata: { tallybook: { kind: "request" } } },
    { cell_type: "code", id: "c1", source: "print(1)", metadata: { tallybook: { status: "ok" } }, outputs: [{ output_type: "stream", name: "stdout", text: ["1\n"] }] },
    { cell_type: "raw", id: "c2", source: "ls", metadata: { tallybook: { status: "blocked", language: "bash", outputs: [{ output_type: "stream", name: "stdout", text: "no" }] } } },
    { cell_type: "markdown", id: "w", source: "**Done**", metadata: {} },
  ],
};
const file = (name: string): Schemas["File"] => ({ name, size: 1, url: "" });
let asked: string[];
let answers: Record<string, [number, unknown]>;

beforeEach(() => {
  asked = [];
  answers = {
    reruns: [200, { reruns: [] }], parameters: [200, { parameters: [] }], trace: [200, found], verification: [200, verified], notebook: [200, notebook],
    "sign-off": [201, { kind: "sign-off", user: "ann", cell: 5, head: "h" }],
  };
  vi.stubGlobal("fetch", async (address: string, { body }: { body?: string }) => {
    asked.push(body ? `${address} ${body}` : address);
    const [status, answer] = answers[/(reruns|parameters|trace|verification|sign-off|notebook)(\?|$|\/rr)/.exec(address)![1]!]!;
    return new Response(JSON.stringify(answer), { status });
  });
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

function Traced({ selected = null, show = () => {} }: { selected?: string | null; show?: (cell: string) => void }) {
  const [question, setQuestion] = useState(NOTHING_ASKED);
  return (
    <TraceView
      path={path} files={[file("inputs/q2.xlsx"), file("outputs/other.xlsx"), file("outputs/pivot.xlsx")]} asked={question} setAsked={setQuestion}
      selected={selected} actions={{ show, preview: () => {} }}
    />
  );
}

describe("the trace of a cell", () => {
  it("asks for the record first and for the rows then, and shows both", async () => {
    const show = vi.fn();
    const { container } = shown(<Traced show={show} />);
    fireEvent.change(screen.getByLabelText("Cell"), { target: { value: " Pivot!C3 " } });
    fireEvent.click(screen.getByText("Trace"));
    await screen.findByText("Pivot!C3 = 17,782.29");
    await waitFor(() => expect(container.querySelector(".traced [role=progressbar]")).toBeNull());

    const address = "/api/v1/conversations/c/paths/main/notebook/trace?file=outputs%2Fpivot.xlsx&cell=Pivot!C3&rows=";
    expect(asked).toEqual([`${address}false`, `${address}true`]);
    for (const words of [
      "Written by cell 6", "code by gemini-x", "“a pivot”", "The sum of “Sales” over 13 rows, where Region = “North” and Quarter = “Q2”",
      "q2.xlsx, Q2: rows 4–9, 12 (7 in all)", "Computed again from these rows: the same.", "has changed since",
    ]) expect(container.textContent).toContain(words);
    expect([...container.querySelectorAll(".trace-step pre")].map((each) => each.textContent)).toEqual(["a = 1\nb = 2", "c = 3"]);
    fireEvent.click(screen.getByRole("button", { name: "Show cell 3 in the chat" }));
    expect(show.mock.calls).toEqual([["c3"]]);
  });

  it("in Excel is that of the selected cell, in the written file that is open", async () => {
    const excel = new ExcelStandin().install();
    excel.name = "other.xlsx";
    shown(<Traced selected="Pivot!$C$3:$D$9" />);
    await waitFor(() => expect(screen.getByLabelText<HTMLSelectElement>("File").value).toBe("outputs/other.xlsx"));
    fireEvent.click(screen.getByText("Selected: Pivot!C3"));

    await waitFor(() => expect(asked[1]).toContain("file=outputs%2Fother.xlsx&cell=Pivot!C3&rows=true"));
    excel.uninstall();
  });

  it("says why there is none", async () => {
    answers.trace = [404, { error: { code: "not-traceable", message: "Nothing in the record says it.", hint: "Name another file.", details: {} } }];
    shown(<Traced />);
    fireEvent.change(screen.getByLabelText("Cell"), { target: { value: "A1" } });
    fireEvent.click(screen.getByText("Trace"));

    expect((await screen.findByRole("alert")).textContent).toContain("Nothing in the record says it. Name another file.");
    expect(screen.getByText<HTMLElement>("Trace").closest("button")!.disabled).toBe(false);
  });

  it("is offered for the files that code wrote alone", () => {
    expect(traceable([file("inputs/a.xlsx"), file("excel/a.xlsx"), file("outputs/a.png"), file("outputs/a.xlsx"), file("b.csv")])).toEqual(["outputs/a.xlsx", "b.csv"]);
  });

  it("follows formulas to their cells", () => {
    const formula = { sheet: "My sheet", cell: "B9", value: 3, kind: "formula", formula: "SUM(A1:A2)", reason: "", precedents: [{ sheet: "My sheet", area: "A1:A2", filled: 2, cells: [rows] }] };
    const { container } = shown(<TraceFound found={{ ...found, origin: formula }} reading={false} actions={{ show: () => {}, preview: () => {} }} />);

    for (const words of ["=SUM(A1:A2)", "reads 'My sheet'!A1:A2: 2 filled cells", "Pivot!C3 = 17,782.29", "Of the others only their number is known."]) {
      expect(container.textContent).toContain(words);
    }
  });

  it.each([{}, null, 3, { kind: "rows" }, { kind: "formula", precedents: 3 }, { kind: "constant" }, { kind: "new" }, { kind: "rows", sources: [null, { rows: [1] }], computation: [] }])(
    "takes any origin: %j",
    (origin) => {
      const { container } = shown(<TraceFound found={{ ...found, origin: origin as never ?? {} }} reading={false} actions={{ show: () => {}, preview: () => {} }} />);
      expect(container.textContent).toContain("Written by cell 6");
    },
  );

  it.each(HOSTILE)("is text whatever it holds: %s", (attack) => {
    const origin = { ...rows, sheet: attack, cell: attack, value: attack, reason: attack, computation: { how: attack, column: attack, rows: 1, where: { [attack]: attack } }, sources: [{ file: attack, sheet: attack, columns: [attack], rows: [[1, 1]], count: 1, checked: false }] };
    const inputs = [{ file: attack, sheet: attack, columns: [attack], sha256: "", changed: null, written_by: 1 }];
    const hostile = { ...found, sheet: attack, notes: [attack], inputs, origin, writer: { ...found.writer, request: attack, model: attack }, steps: [{ cell: 1, id: "x", line: 1, code: attack }] };
    const { container } = shown(<TraceFound found={hostile} reading={false} actions={{ show: () => {}, preview: () => {} }} />);

    expect(container.querySelectorAll("script, img, iframe, a, style, form, object, math").length).toBe(0);
    expect(container.textContent).toContain(attack);
  });
});

describe("an address", () => {
  it.each([["Pivot!$C$3:$D$9", "Pivot!C3"], ["'It''s!'!B2", "'It''s!'!B2"], ["C7", "C7"], ["Pivot!$B:$B", null], ["", null]])("%s begins with the cell %s", (address, cell) => {
    expect(firstCell(address)).toBe(cell);
  });

  it("has its sheet in quotes where that is needed", () => {
    expect([placeOf("Q2", "A1"), placeOf("It's", "A1"), placeOf("", "A1")]).toEqual(["Q2!A1", "'It''s'!A1", "A1"]);
  });
});

it("rows that are not known are counted, and very many are cut", () => {
  const source = { file: "", sheet: "", columns: [], checked: false };

  expect(rowsWords({ ...source, rows: null, count: 3 })).toBe("3 rows");
  expect(rowsWords({ ...source, rows: Array.from({ length: 20 }, (_, n): [number, number] => [n * 2, n * 2]), count: 20 })).toMatch(/22 … \(20 in all\)$/);
  expect(originOf({ kind: "rows" })).toMatchObject({ sources: [] });
});

describe("a re-run", () => {
  const rerun: Schemas["RerunSummary"] = {
    id: "rr1", status: "finished", at: "2026-11-20T22:00:00+00:00", finished_at: null, parameters: {}, inputs: {}, twice: false, cell: 3, cells: 3, of_sha256: "", verdict: "differs", error: null,
  };
  const report = {
    verdict: "differs", exit_code: 1, changed: false, replaced_inputs: [], repaired_cells: [], replayed_calls: 0, missing_responses: 0,
    cells: [{ cell: 2, cell_id: "c2", verdict: "reproduced", detail: "" }, { cell: 3, cell_id: "c3", verdict: "differs", detail: "prints 2 for 1" }],
    files: [{ name: "outputs/a.xlsx", verdict: "differs", detail: "B2 differs" }],
  };

  it("is started with another file for a recorded one, and shows what differs", async () => {
    shown(<Reruns path={path} inputs={["q2.xlsx"]} files={["inputs/q2.xlsx", "inputs/q3.xlsx"]} />);
    fireEvent.change(screen.getByLabelText(/q2.xlsx/), { target: { value: "inputs/q3.xlsx" } });
    answers.reruns = [200, { ...rerun, report, reruns: [rerun] }];
    fireEvent.click(screen.getByText("Run again"));
    await screen.findByText(/prints 2 for 1/);

    expect(asked).toContain('/api/v1/conversations/c/paths/main/notebook/reruns {"parameters":{},"twice":false,"inputs":{"q2.xlsx":"inputs/q3.xlsx"}}');
    for (const words of ["1 cell of 2 and 0 files of 1 are the same.", "Cell 3: Something differs. prints 2 for 1", "a.xlsx: Something differs. B2 differs"]) {
      expect(document.body.textContent).toContain(words);
    }
    expect(screen.getByText("Report").closest("a")!.getAttribute("href")).toBe("/api/v1/conversations/c/paths/main/notebook/reruns/rr1?as=html");
  });

  it("is started with other values for the parameters, of which each has its type and recorded value", async () => {
    answers.parameters = [200, { parameters: [{ name: "least", kind: "whole-number", value: "1000" }, { name: "signed", kind: "yes-or-no", value: "true" }, { name: "made", kind: "computed", value: "f()" }] }];
    const { container } = shown(<Reruns path={path} inputs={[]} files={[]} />);
    const least = await screen.findByLabelText(/least/);
    const offered = [...container.querySelectorAll(".parameter span.breakable")].map((each) => each.textContent);
    fireEvent.change(least, { target: { value: "2000" } });
    answers.reruns = [200, { ...rerun, reruns: [{ ...rerun, parameters: { least: "2000" } }] }];
    fireEvent.click(screen.getByText("Run again with 1 other value"));
    await screen.findByText(/with least = 2000/);

    expect(offered).toEqual(["least whole number", "signed yes or no", "made computed by the code"]);
    expect(container.querySelector<HTMLInputElement>("[data-parameter=made] input")!.disabled).toBe(true);
    expect(container.querySelector("[data-parameter=least]")!.textContent).toContain("recorded: 1000");
    expect(asked).toContain('/api/v1/conversations/c/paths/main/notebook/reruns {"parameters":{"least":"2000"},"twice":false,"inputs":{}}');
  });

  it.each([
    [{ status: "waiting" }, "Waits for another re-run"], [{ status: "running", cell: 2 }, "Runs: cell 2 of 3"], [{ status: "cancelled" }, "Cancelled"],
    [{ status: "failed", verdict: null }, "It could not be run"], [{ verdict: "reproduced" }, "The same again"],
  ] as const)("%j is said in words", (change, words) => {
    expect(standing({ ...rerun, ...change })).toBe(words);
  });

  it("takes the recorded inputs from the notebook", () => {
    const read = (inputs_read: unknown) => ({ metadata: { tallybook: { inputs_read } } });

    expect(inputsOf({ cells: [read(["inputs/a.xlsx", "outputs/b.xlsx"]), read(["inputs/a.xlsx", "inputs/c/d.csv"]), read(3), null] })).toEqual(["a.xlsx", "c/d.csv"]);
  });
});

describe("the notebook", () => {
  it("has its badge, cells, exports and review", async () => {
    const { container } = shown(<NotebookView path={path} files={[file("inputs/q2.xlsx"), file("inputs/q3.xlsx"), file("outputs/a.xlsx")]} revision={0} show={() => {}} />);
    await screen.findByText(/Verified: 7 cells as recorded, signed with key k1/);

    expect(container.querySelector(".request")!.textContent).toBe("stack them");
    expect([...container.querySelectorAll(".recorded")].map((each) => each.textContent)).toEqual([
      "Cell 2, PythonCell 2 In the chatprint(1)1", "Cell 3, BashRefusedCell 3 In the chatlsno",
    ]);
    expect(container.querySelector(".markdown strong")!.textContent).toBe("Done");
    expect([...container.querySelectorAll("a[download]")].map((link) => new URL(link.getAttribute("href")!, "http://x").search)).toEqual(
      ["?to=html", "?to=pdf", "?to=py", "?to=ipynb", "?to=bundle"],
    );
  });

  it("is signed off with a note, and verified again", async () => {
    shown(<NotebookView path={path} files={[file("inputs/q2.xlsx"), file("inputs/q3.xlsx"), file("outputs/a.xlsx")]} revision={0} show={() => {}} />);
    fireEvent.change(await screen.findByLabelText("Note of the review"), { target: { value: " Ties to the ledger " } });
    await waitFor(() => expect(asked.some((each) => each.endsWith("/reruns"))).toBe(true));
    asked = [];
    fireEvent.click(screen.getByText("Sign off"));

    await waitFor(() => expect(asked.length).toBe(3));
    expect(asked[0]).toBe('/api/v1/conversations/c/paths/main/notebook/sign-off {"kind":"sign-off","note":"Ties to the ledger"}');
    expect(asked.slice(1).map((each) => each.split("/notebook")[1])).toEqual(["", "/verification"]);
  });

  it("says who may sign off where this user may not", async () => {
    answers["sign-off"] = [403, { error: { code: "forbidden", message: "Your roles don't allow this.", hint: "Ask for the role reviewer.", details: {} } }];
    shown(<NotebookView path={path} files={[file("inputs/q2.xlsx"), file("inputs/q3.xlsx"), file("outputs/a.xlsx")]} revision={0} show={() => {}} />);
    fireEvent.click(await screen.findByText("Sign off"));

    expect((await screen.findByRole("alert")).textContent).toContain("Ask for the role reviewer.");
  });

  it("that was changed says what, and who could have done it", () => {
    const { container } = shown(<Badge found={{ ...verified, verified: false, problems: [{ cell: 3, cell_id: "x", what: "the source differs", field: "source", by: "anyone with the file" }] }} />);

    expect(container.textContent).toContain("Not as recorded: 1 difference");
    expect(container.textContent).toContain("Cell 3: the source differs (source). Who could have done it: anyone with the file");
    expect(container.querySelector("details")!.open).toBe(true);
  });

  it.each([null, {}, { cells: 3 }, { cells: [null, {}, { cell_type: "code", outputs: 3, metadata: [] }] }])("takes any JSON: %j", (value) => {
    expect(Array.isArray(cellsOf(value))).toBe(true);
  });
});
