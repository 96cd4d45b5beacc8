import { FluentProvider, webLightTheme } from "@fluentui/react-components";
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import { ErrorCard, OtherCard } from "../src/chat/cards";
import { Composer } from "../src/chat/composer";
import { TurnView } from "../src/chat/turn";
import { found } from "../src/conversations/list";
import { Grid } from "../src/outputs/grid";
import { OutputView } from "../src/outputs/output";
import { Markdown } from "../src/parts/markdown";
import { logOf, seen, stream, WHOLE } from "./events";
import { HOSTILE } from "./hostile";

afterEach(cleanup);
const shown = (element: React.ReactElement) => render(<FluentProvider theme={webLightTheme}>{element}</FluentProvider>);
const actions = { path: { conversation: "c", path: "main" }, preview: () => {}, branch: null, undo: null, cancel: () => {}, rate: () => {}, run: null, show: () => {}, insert: null };

/** What in the page could run, load or leave its place. */
function dangers(root: ParentNode): string[] {
  const found: string[] = [];
  for (const element of root.querySelectorAll("*")) {
    const name = element.localName;
    if (["script", "iframe", "object", "embed", "base", "link", "meta", "form", "math", "template", "style", "plaintext"].includes(name)) found.push(name);
    for (const { name: key, value } of element.attributes) {
      if (key.startsWith("on")) found.push(`${name} ${key}`);
      if (["href", "src", "action", "srcdoc", "xlink:href"].includes(key) && !/^(https?:|mailto:|#|\/|data:image\/|$)/i.test(value)) found.push(`${key}=${value}`);
      if (key === "src" && !value.startsWith("data:image/")) found.push(`${key}=${value}`);
      if (key === "style" && /url|expression/i.test(value)) found.push(value);
    }
  }
  return found;
}

describe.each(HOSTILE)("hostile text %#", (attack) => {
  it("is text in answers, code, outputs, errors, files, findings and requests", () => {
    const display = (data: object) =>
      ["cell.output", { cell: "c1", output: { output_type: "display_data", data, metadata: {} } }] as never;
    const state = seen(
      logOf([
        ["turn.started", { kind: "turn", user: attack, request: attack }],
        ["context.used", {
          workbooks: [{ file: attack, sheets: [{ name: attack, header_row: 1, rows: 1 }], problem: null }],
          files: [attack], variables: [attack], kernel_is_new: true, state_note: attack,
        }],
        ["code.generated", { code: attack, parameters: {}, comment: attack, model: "m", tokens: {} }],
        ["risk.assessed", {
          risk: "medium", imports: [], syntax_error: "",
          findings: [{ line: 1, column: 1, tier: "medium", rule: "r", reason: attack, target: attack, capability: attack }],
        }],
        ["permission.required", {
          id: "p", explanation: attack, capabilities: [`path:${attack}`, `library:${attack}`, attack], imports: [], targets: [attack], preview: attack,
          findings: [{ line: 1, column: 1, tier: "medium", rule: "r", reason: attack, target: attack, capability: attack }],
          network: [{ method: attack, url: attack, host: attack, exact: true, body: true, body_bytes: 1, variables: [attack], always: attack }],
          always: [attack], expires_at: 0,
        }],
        ["cell.started", { cell: "c1", code: attack, tags: [] }],
        stream(attack),
        display({ "text/html": `<table class="dataframe"><tr><td>${attack}</td></tr></table>${attack}`, "text/plain": attack }),
        display({ "text/html": attack, "text/plain": attack }),
        display({ "image/png": attack, "text/plain": attack }),
        display({ "image/svg+xml": attack, "text/plain": attack }),
        display({ "application/javascript": attack, [attack]: attack }),
        ["cell.output", { cell: "c1", output: { output_type: "error", ename: attack, evalue: attack, traceback: [attack] } }],
        ["file.created", { name: `outputs/${attack}`, size: 1, sha256: "0", cell: "c1" }],
        ["workbook.checked", { cell: "c1", name: `outputs/${attack}`, findings: [{ code: "c", message: attack, hint: attack, count: 1 }] }],
        ["tool.called", { name: attack, arguments: { [attack]: attack }, status: attack }],
        ["result.checked", {
          cell: "c1", status: "suspicious", line: attack, why: attack, read: [], written: [{ file: attack, sheet: attack, rows: 1, total_rows: 0 }],
          left_out: [{ rows: 1, why: attack }], sums: [{ name: attack, before: 1, after: 2, ties: false, why: attack }],
          findings: [{ code: "c", message: attack, hint: attack, count: 1 }],
        }],
        ["workbook.checked", { cell: "c1", name: attack, findings: [{ code: "parts-lost", message: `the file lost ${attack}, 1 ${attack}`, hint: attack, count: 1 }] }],
        ["output.redacted", { towards: "model", cell: null, findings: [{ kind: attack, rule: attack, action: attack, count: 1 }] } as never],
        ["network.called", { cell: "c1", method: attack, url: attack, at: "", request_bytes: 1, request_sha256: "", grant: attack, secrets: [attack], status: null, reason: attack, headers: [], response_bytes: null, sha256: null, problem: attack }],
        ["answer.checked", { contradicted: [{ claim: attack, fact: attack }], not_from_a_result: [attack], stopped: true }],
        ["answer.checked", { contradicted: [{ claim: attack, fact: attack }], not_from_a_result: [attack], stopped: false }],
        ["cell.stale", { cell: "c1", number: 1, names: { [attack]: 2 }, files: [attack], through: [], reason: attack, by: attack }],
        ["checkpoint.skipped", { message: attack }],
        ["new.kind", { message: attack, more: attack }],
        ["turn.finished", { status: "error", answer: attack, error: { code: "c", message: attack, hint: attack, details: {} } }],
      ]),
    );

    const { container } = shown(<TurnView turn={state.turns[0]!} actions={actions} />);

    for (const button of container.querySelectorAll<HTMLElement>("[aria-expanded=false]")) fireEvent.click(button);
    expect(dangers(container).filter((each) => !each.includes("fui-"))).toEqual([]);
    expect(container.querySelector(".request")!.textContent).toBe(attack);
    expect(container.querySelector(".tie-out")!.textContent).toContain(attack);
  });
});

describe("a turn", () => {
  it("shows request, sources, code, output, answer and the checked file", () => {
    const { container } = shown(<TurnView turn={seen(logOf(WHOLE)).turns[0]!} actions={actions} />);
    const text = container.textContent!;

    for (const words of ["stack them", "Looked at 1 variable, 2 earlier steps", "I will stack.", "Stacked.", "a.xlsx", "nothing wrong"]) {
      expect(text).toContain(words);
    }
    expect(container.querySelector("a[download]")!.getAttribute("href")).toBe("/api/v1/conversations/c/paths/main/files/outputs/a.xlsx");
  });

  it("folds its code until it is asked for", () => {
    const { container } = shown(<TurnView turn={seen(logOf(WHOLE)).turns[0]!} actions={actions} />);
    const button = screen.getByText("Python, 1 line").closest("button")!;

    expect(container.textContent).not.toContain("print(1)");
    fireEvent.click(button);
    expect(container.textContent).toContain("print(1)");
    expect(button.getAttribute("aria-expanded")).toBe("true");
  });
});

describe("markdown", () => {
  it("has lists, tables, code and safe links", () => {
    const { container } = shown(<Markdown text={"# T\n\n- a\n\n|x|\n|-|\n|1|\n\n`c`\n\n```python\nx = 1\n```\n\n[s](https://a.example) [j](javascript:x)"} />);

    for (const part of ["h1", "li", "table", "code.inline-code", "pre.code .hljs-number"]) expect(container.querySelector(part)).not.toBeNull();
    const links = [...container.querySelectorAll("a")].map((link) => [link.getAttribute("href"), link.getAttribute("rel")]);
    expect(links).toEqual([["https://a.example", "noreferrer noopener"], ["", "noreferrer noopener"]]);
  });

  it("loads no foreign picture", () => {
    const { container } = shown(<Markdown text="![a chart](https://evil.example/x.png)" />);

    expect(container.querySelector("img")).toBeNull();
    expect(container.textContent).toContain("[picture: a chart]");
  });
});

describe("a table", () => {
  const rows = Array.from({ length: 100_000 }, (_, row) => [String(row), String(100_000 - row)]);

  it("of a hundred thousand rows draws only those in view", () => {
    const { container } = shown(<Grid header={[["", "n"]]} rows={rows} index={1} label="t" />);

    expect(container.querySelectorAll("tbody tr").length).toBeLessThan(100);
    expect(container.querySelector("table")!.getAttribute("aria-rowcount")).toBe("100001");
  });

  it("is sorted up, down and not at all", () => {
    const { container } = shown(<Grid header={[["", "n"]]} rows={[["0", "10"], ["1", "NaN"], ["2", "9"]]} index={1} label="t" />);
    const column = () => [...container.querySelectorAll("tbody td")].map((cell) => cell.textContent);
    const button = screen.getByText("n").closest("button")!;

    fireEvent.click(button);
    expect(column()).toEqual(["9", "10", "NaN"]);
    fireEvent.click(button);
    expect(column()).toEqual(["10", "9", "NaN"]);
    fireEvent.click(button);
    expect(column()).toEqual(["10", "NaN", "9"]);
  });
});

describe("long output", () => {
  it("shows its end, and the rest when it is asked for", () => {
    const text = Array.from({ length: 5000 }, (_, line) => `line ${line}`).join("\n");
    const { container } = shown(<OutputView output={{ type: "text", name: "stdout", text }} />);

    expect(container.textContent).toContain("line 4999");
    expect(container.textContent).not.toContain("line 100\n");
    fireEvent.click(screen.getByText(/earlier lines/));
    expect(container.querySelector("pre")!.textContent).toBe(text);
  });
});

it("shows a picture that is none by its text", () => {
  const data = { "image/png": "<b>no picture</b>", "text/plain": "<Figure>" };
  const { container } = shown(<OutputView output={{ type: "display", data, id: null }} />);

  expect(container.querySelector("img")).toBeNull();
  expect(container.textContent).toContain("<Figure>");
});

describe("cards", () => {
  it("of an error say what happened and what to do", () => {
    shown(<ErrorCard error={{ code: "c", message: "It is full.", hint: "Wait.", details: {} }} />);

    expect(screen.getByRole("alert").textContent).toBe("It is full. Wait.");
  });

  it.each([null, undefined, 3, "text", [], { findings: [{}] }])("of an unknown kind take any data: %j", (data) => {
    const { container } = shown(<OtherCard step={{ type: "other", kind: "some.kind", data }} />);

    expect(container.textContent).toContain("some kind");
  });
});

describe("the box to ask in", () => {
  it("sends on Enter, starts a line on Shift+Enter, and sends no blank", () => {
    const send = vi.fn(() => Promise.resolve());
    shown(<Composer disabled={false} reason="" pick={() => {}} send={send} />);
    const box = screen.getByLabelText("Request");

    fireEvent.keyDown(box, { key: "Enter" });
    fireEvent.change(box, { target: { value: "  stack them " } });
    fireEvent.keyDown(box, { key: "Enter", shiftKey: true });
    expect(send).not.toHaveBeenCalled();
    fireEvent.keyDown(box, { key: "Enter" });
    expect(send.mock.calls).toEqual([["stack them"]]);
    expect((box as HTMLTextAreaElement).value).toBe("");
  });

  it("gives the words back when they could not be sent", async () => {
    shown(<Composer disabled={false} reason="" pick={() => {}} send={() => Promise.reject(new Error("away"))} />);
    const box = screen.getByLabelText<HTMLTextAreaElement>("Request");

    fireEvent.change(box, { target: { value: "stack them" } });
    fireEvent.keyDown(box, { key: "Enter" });
    expect(box.value).toBe("");
    await waitFor(() => expect(box.value).toBe("stack them"));
  });
});

it("finds conversations by all words of a search", () => {
  const named = (title: string) => ({ id: title, title, created_at: "", user: "ann", paths: [] });
  const all = [named("Sales of March"), named("Costs of March"), named("")];

  expect(found(all, "march sales").map((each) => each.title)).toEqual(["Sales of March"]);
  expect(found(all, "without").map((each) => each.id)).toEqual([""]);
  expect(found(all, "").length).toBe(3);
});
