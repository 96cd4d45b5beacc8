import { FluentProvider, webLightTheme } from "@fluentui/react-components";
import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { EventData } from "../src/api/events";
import { TurnView } from "../src/chat/turn";
import { lostParts, verdict } from "../src/facts/checks";
import { redactedWords } from "../src/facts/lines";
import type { CellStep, Turn } from "../src/state/model";
import { logOf, seen, WHOLE } from "./events";

type Given = Parameters<typeof logOf>[0];
const shown = (element: React.ReactElement) => render(<FluentProvider theme={webLightTheme}>{element}</FluentProvider>);
const actions = { path: { conversation: "c", path: "main" }, preview: () => {}, branch: null, undo: null, cancel: () => {}, rate: vi.fn(), run: vi.fn(), show: vi.fn(), insert: null };
/** The turn of `WHOLE` with *more* before its end. */
const turnWith = (more: Given, end: Given = WHOLE.slice(-1)): Turn => seen(logOf([...WHOLE.slice(0, -1), ...more, ...end])).turns[0]!;
const textOf = (turn: Turn, part: string) => shown(<TurnView turn={turn} actions={actions} />).container.querySelector(part)!.textContent!;

const tied: EventData["result.checked"] = {
  cell: "c1", status: "tied-out", line: "69 rows left out by filter", read: [], written: [{ file: "outputs/a.xlsx", sheet: "S", rows: 1, total_rows: 0 }],
  left_out: [{ rows: 69, why: "filter", line: 1, cell: "c1" }], sums: [{ name: "Sales", before: 2, after: 1, ties: true, why: "" }], findings: [], why: "",
};
const finding = { code: "rows-lost", message: "3 rows are missing.", hint: "Look at the join.", count: 3 };

afterEach(() => {
  cleanup();
  vi.clearAllMocks();
});

describe("what was checked of written files", () => {
  it("is one green line that opens", () => {
    const { container } = shown(<TurnView turn={turnWith([["result.checked", tied]])} actions={actions} />);

    expect(container.querySelectorAll("details.checks").length).toBe(1);
    expect(container.querySelector(".checks.tone-good summary")!.textContent).toBe("Opened and checked: nothing wrong. Rows and sums tie out");
    expect(container.querySelector(".checks")!.textContent).toContain("69 rows left out by filterSales: 2 before, 1 after, ties");
  });

  it.each([
    ["a finding of a check", [["workbook.checked", { cell: "c1", name: "outputs/a.xlsx", findings: [finding] }]]],
    ["a finding of a tie-out", [["result.checked", { ...tied, findings: [finding] }]]],
    ["a suspicious tie-out", [["result.checked", { ...tied, status: "suspicious" }]]],
  ] as [string, Given][])("is amber with %s", (_, more) => {
    expect(textOf(turnWith(more), ".checks.tone-warn summary")).toContain("1 thing to look at");
  });

  it("is neither green nor amber where rows can't be followed", () => {
    expect(textOf(turnWith([["result.checked", { ...tied, status: "not-tied-out", line: "", why: "too large" }]]), ".checks.tone-open summary")).toContain("too large");
  });

  it("is that of the latest state of each file", () => {
    const other = { ...tied, line: "other", written: [{ file: "outputs/b.xlsx", sheet: "S", rows: 1, total_rows: 0 }] };
    const turn = turnWith([["result.checked", { ...tied, status: "suspicious" }], ["result.checked", other], ["result.checked", tied]]);

    expect(verdict([], turn.tieOuts)).toEqual({ tone: "good", words: "Rows and sums tie out" });
  });

  it("names what a workbook lost part by part", () => {
    const message = "Compared with 'plan.xlsx' the file lost 2 sparklines on 'A, b', 1 macro project.";
    const lost = { code: "parts-lost", message, hint: "Load it with openpyxl.", count: 3 };

    expect(lostParts(lost)).toEqual(["2 sparklines on 'A, b'", "1 macro project"]);
    expect(lostParts(finding)).toBeNull();
    const { container } = shown(<TurnView turn={turnWith([["workbook.checked", { cell: "c1", name: "outputs/a.xlsx", findings: [lost] }]])} actions={actions} />);
    expect([...container.querySelectorAll(".checks li li")].map((each) => each.textContent)).toEqual(["2 sparklines on 'A, b'", "1 macro project"]);
  });
});

describe("a stale cell", () => {
  const stale: Given = [["cell.stale", { cell: "c1", number: 2, names: { df: 5 }, files: [], through: [], reason: "Cell 5 has changed df since.", by: "c5" }]];

  it("says why and offers to run again and to see what changed it", () => {
    shown(<TurnView turn={turnWith(stale)} actions={actions} />);

    expect(screen.getByRole("note").textContent).toContain("Out of date. Cell 5 has changed df since.");
    fireEvent.click(screen.getByText("Run it again"));
    fireEvent.click(screen.getByText("What changed it"));
    expect(actions.run.mock.calls).toEqual([["print(1)", "python"]]);
    expect(actions.show.mock.calls).toEqual([["c5"]]);
  });

  it("of an earlier request is marked too, and points to its newer run", () => {
    const first = seen(logOf(WHOLE));
    const later = logOf([
      ["turn.started", { kind: "execute", user: "ann" }],
      ...stale,
      ["cell.started", { cell: "c9", code: "print(1)\n", tags: [] }],
      ["cell.finished", { cell: "c9", status: "ok", seconds: 0.1 }],
    ], "turn_2", WHOLE.length + 1);
    const state = seen(later, first);
    const cell = state.turns[0]!.steps.find((step): step is CellStep => step.type === "cell" && step.id === "c1")!;

    expect(cell.stale).toEqual({ reason: "Cell 5 has changed df since.", by: "c5", again: "c9" });
    expect(cell.number).toBe(2);
    expect(first.turns[0]!.steps.some((step) => step.type === "cell" && step.stale !== null)).toBe(false);
    shown(<TurnView turn={state.turns[0]!} actions={actions} />);
    fireEvent.click(screen.getByText("It ran again: show"));
    expect(actions.show.mock.calls).toEqual([["c9"]]);
  });
});

describe("an answer", () => {
  const check = { contradicted: [{ claim: "no rows were dropped", fact: "69 rows were left out" }], not_from_a_result: ["1,234"] };
  const end: Given = [["turn.finished", { status: "ok", answer: "It is 1,234.\n\n> **Note.** The checks say otherwise: 69 rows\n\n> **Note.** Not from a result: 1,234." }]];

  it("that nothing bears out has one amber line in place of its notes", () => {
    const { container } = shown(<TurnView turn={turnWith([["answer.checked", { ...check, stopped: false }]], end)} actions={actions} />);

    expect(container.querySelector(".answer")!.textContent!.trim()).toBe("It is 1,234.");
    expect(container.querySelector(".answer-check summary")!.textContent).toBe(" The checks say otherwise in 1 point. Not from a result: 1,234");
    expect(container.querySelector(".answer-check")!.textContent).toContain("The answer says: “no rows were dropped”. The checks say: 69 rows were left out");
  });

  it("keeps a note of the model's own", () => {
    expect(textOf(turnWith([], end), ".answer")).toContain("Note.");
  });

  it("that was held back stands among the steps", () => {
    expect(textOf(turnWith([["answer.checked", { ...check, stopped: true }]]), ".fact")).toContain("An answer was held back");
  });
});

describe("what leaves", () => {
  const card = { kind: "card", rule: "payment-card", action: "redact", count: 1 } as const;
  const iban = { kind: "iban", rule: "iban", action: "warn", count: 2 } as const;

  it("says what was taken out, by which rule and policy", () => {
    const words = textOf(turnWith([["output.redacted", { towards: "model", cell: null, findings: [card, iban] }]]), ".fact");

    expect(words).toContain("Kept from the model: 1 payment card number");
    expect(words).toContain("2 bank accounts (IBAN): passed on, and counted (rule iban)");
    expect(words).toContain("policy for what goes to the model");
  });

  it("adds up what comes one after the other", () => {
    const redacted: Given[0] = ["output.redacted", { towards: "model", cell: null, findings: [card] }];
    const turn = turnWith([redacted, redacted]);

    expect(turn.steps.filter((step) => step.type === "redacted")).toEqual([{ type: "redacted", towards: "model", findings: [{ ...card, count: 2 }] }]);
  });

  it("names what goes out unchanged", () => {
    expect(redactedWords({ towards: "client", findings: [iban] })).toBe("Passed on to this page and the notebook: 2 bank accounts (IBAN)");
  });

  it("over the network is one line for many calls", () => {
    const call = { cell: "c1", method: "GET", url: "https://a.example/x", at: "", request_bytes: 0, request_sha256: "", grant: "once", secrets: [], status: 200, response_bytes: 1200, sha256: null };
    const one: Given[0] = ["network.called", call];
    const refused: Given[0] = ["network.called", { ...call, status: null, problem: "It was not allowed." }];

    expect(textOf(turnWith([one]), ".fact summary")).toContain("GET https://a.example/x: 200, 1.2 kB received");
    cleanup();
    const words = textOf(turnWith([one, refused]), ".fact");
    expect(words).toContain("2 calls of the network");
    expect(words).toContain("not done. It was not allowed.");
  });
});

it("a cell has the number that it has in the notebook", () => {
  const end: Given = [["turn.finished", { status: "ok", answer: "x", recorded: [{ number: 4, cell: "c1", hash: "h" }] }]];

  expect(textOf(turnWith([], end), "[data-cell=c1] .cell-bar")).toContain("Cell 4");
});
