import { FluentProvider, webLightTheme } from "@fluentui/react-components";
import { act, cleanup, fireEvent, render, renderHook, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { PermissionRequired } from "../src/api/events";
import { AutonomousDialog } from "../src/modes/autonomous";
import { PlanSteps } from "../src/modes/plan";
import { useMode } from "../src/modes/use_mode";
import { autonomousFrom } from "../src/modes/words";
import { PermissionCard } from "../src/permission/card";
import { Preferences } from "../src/settings/preferences";
import { logOf, seen } from "./events";
import { HOSTILE } from "./hostile";

const shown = (element: React.ReactElement) => render(<FluentProvider theme={webLightTheme}>{element}</FluentProvider>);
const step = (number: number, status: "waiting" | "running" | "done" | "failed" | "skipped", code = "") => ({ number, title: `Step ${number}`, code, status });
const asked: PermissionRequired = {
  id: "p", explanation: "The mode preview shows code before it runs.", capabilities: [], imports: [], targets: [], preview: "print(1)", findings: [], network: [], always: [],
  mode: "preview", plan: [step(1, "waiting", "print(1)"), step(2, "waiting", "print(2)")], expires_at: Date.now() / 1000 + 600,
};
let requests: [string, string, unknown][];
let mode: object;
let preferences: { id: string; text: string; origin: string; created_at: string; updated_at: null }[];

beforeEach(() => {
  Reflect.set(Element.prototype, "animate", undefined); // cancelled animations are noise here
  requests = [];
  mode = { name: "auto", by: null, at: null, scope: [], until: null, cells: null };
  preferences = [{ id: "pref_1", text: "EU dates", origin: "observed", created_at: "2026-11-20T22:00:00+00:00", updated_at: null }];
  vi.stubGlobal("fetch", async (address: string, { method, body }: { method: string; body?: string }) => {
    const sent: Record<string, unknown> | null = body ? JSON.parse(body) : null;
    if (method !== "GET") requests.push([method, address.replace("/api/v1", ""), sent]);
    if (address.endsWith("/mode")) return new Response(JSON.stringify(method === "PUT" ? (mode = { ...mode, ...sent }) : mode));
    if (method === "POST") preferences = [...preferences, { ...preferences[0]!, id: "pref_2", text: String(sent?.text), origin: "stated" }];
    if (method === "DELETE") preferences = preferences.filter((each) => !address.endsWith(each.id));
    return new Response(JSON.stringify({ preferences }));
  });
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

describe("a mode that asks", () => {
  it("shows the plan with its code, and offers nothing that would stand", () => {
    const { container } = shown(<PermissionCard asker="ann" step={{ type: "permission", asked, decision: null, who: null, until: null }} />);

    expect(container.textContent).toContain("Run this plan?");
    expect([...container.querySelectorAll(".plan .code")].map((each) => each.textContent)).toEqual(["print(1)", "print(2)"]);
    expect([...container.querySelectorAll(".buttons button")].map((each) => each.textContent)).toEqual(["Run the plan", "Deny"]);
    expect(container.querySelector(":scope details[open] .code")!.textContent).toBe("print(1)");
  });

  it("asks for each step, and for what the step needs as well", () => {
    const needs = { ...asked, mode: "step", plan: [], capabilities: ["library:urllib"], always: ["every use of the library urllib"] };
    const { container } = shown(<PermissionCard asker="ann" step={{ type: "permission", asked: needs, decision: null, who: null, until: null }} />);

    expect([...container.querySelectorAll(".buttons button")].map((each) => each.textContent)).toEqual(["Run it", "Allow until …", "Always allow", "Deny"]);
    expect(container.textContent).toContain("every use of the library urllib");
  });
});

describe("a plan", () => {
  it("gets on with its steps, and says which one runs", () => {
    const state = seen(logOf([
      ["turn.started", { kind: "turn", user: "ann", request: "r" }],
      ["plan.made", { steps: [step(1, "waiting"), step(2, "waiting")] }],
      ["plan.step", { number: 1, title: "Step 1", status: "done", done: 1, of: 2, cell: "c1" }],
      ["plan.step", { number: 2, title: "Step 2", status: "running", done: 1, of: 2, cell: "c2" }],
      ["cell.started", { cell: "c2", code: "x", tags: [] }],
    ]));

    expect(state.turns[0]!.plan.map((each) => each.status)).toEqual(["done", "running"]);
    expect(state.turns[0]!.doing).toBe("Step 2 of 2: Step 2");
  });

  it.each(HOSTILE)("is text whatever it holds: %s", (attack) => {
    const { container } = shown(<PlanSteps steps={[{ number: 1, title: attack, code: attack, status: "failed" }]} />);

    expect(container.querySelectorAll("script, img, iframe, a, style, form, object, math").length).toBe(0);
    expect(container.textContent).toContain(attack);
  });
});

it("a mode that has ended in the middle of a request is said, one that was set is not", () => {
  const facts = { name: "auto" as const, scope: [], ends_at: null, cells: null };
  const state = seen(logOf([
    ["turn.started", { kind: "turn", user: "ann", request: "r" }],
    ["mode.changed", { mode: facts, why: "spent", who: null }],
    ["mode.changed", { mode: facts, why: "set", who: "ann" }],
  ]));

  expect(state.modeRevision).toBe(2);
  expect(state.turns[0]!.steps).toEqual([{ type: "note", tone: "info", text: "The conversation asks again from here on: all of its cells have run." }]);
});

describe("the mode of a conversation", () => {
  it("is chosen before there is one, and given to it when it is made", async () => {
    const { result, rerender } = renderHook(({ here }: { here: string | null }) => useMode(here, 0), { initialProps: { here: null as string | null } });
    await act(() => result.current.choose({ name: "step", scope: [], until: null, cells: null }));
    expect([result.current.mode, requests.length]).toEqual(["step", 0]);
    await act(() => result.current.begin("c1"));
    rerender({ here: "c1" });

    await waitFor(() => expect(result.current.mode).toBe("step"));
    expect(requests).toEqual([["PUT", "/conversations/c1/mode", { name: "step", scope: [], until: null, cells: null }]]);
  });

  it("is not that of the conversation before", async () => {
    const { result, rerender } = renderHook(({ here }: { here: string | null }) => useMode(here, 0), { initialProps: { here: "c1" as string | null } });
    await act(() => result.current.choose({ name: "preview", scope: [], until: null, cells: null }));
    mode = { name: "auto", until: null };
    rerender({ here: "c2" });
    expect(result.current.mode).toBe("auto"); // also until the service has answered
    await waitFor(() => expect(result.current.mode).toBe("auto"));
    rerender({ here: null });
    expect(result.current.mode).toBe("auto");
  });
});

describe("an autonomous conversation", () => {
  const now = new Date("2026-11-20T10:00:00Z");

  it("names what needs no question, until when, and for how many cells", () => {
    expect(autonomousFrom(" library:urllib\n\nlibrary:urllib\n", 2, 50, now)).toEqual({
      name: "autonomous", scope: ["library:urllib"], until: "2026-11-20T12:00:00.000Z", cells: 50,
    });
  });

  it.each([["", 1, 1], ["x", 0, 1], ["x", 25, 1], ["x", NaN, 1], ["x", 1, 0], ["x", 1, 1001], ["x", 1, 1.5]])("is not begun with %j, %d hours, %d cells", (scope, hours, cells) => {
    expect(typeof autonomousFrom(scope, hours, cells, now)).toBe("string");
  });

  it("says what the service refuses, and stays open", async () => {
    const close = vi.fn();
    shown(<AutonomousDialog choose={() => Promise.reject(new Error("no such capability"))} close={close} />);
    fireEvent.click(screen.getByText("Begin"));
    expect(screen.getByRole("alert").textContent).toContain("Name at least one thing");
    fireEvent.change(screen.getByLabelText(/Needs no question/), { target: { value: "x" } });
    fireEvent.click(screen.getByText("Begin"));

    await waitFor(() => expect(screen.getByRole("alert").textContent).toContain("no such capability"));
    expect(close).not.toHaveBeenCalled();
  });
});

describe("preferences", () => {
  it("are listed with where they come from, added, changed and deleted", async () => {
    shown(<Preferences />);
    await screen.findByText(/EU dates/);
    expect(document.body.textContent).toContain("Noticed in your requests");
    fireEvent.change(screen.getByLabelText("A new preference"), { target: { value: " No charts " } });
    fireEvent.click(screen.getByText("Add"));
    await screen.findByText(/No charts/);
    fireEvent.click(screen.getByLabelText("Change EU dates"));
    fireEvent.change(screen.getByLabelText("The changed preference"), { target: { value: "US dates" } });
    fireEvent.click(screen.getByText("Save"));
    await waitFor(() => expect(requests.length).toBe(2));
    fireEvent.click(screen.getByLabelText("Delete No charts"));
    await waitFor(() => expect(screen.queryByLabelText("Delete No charts")).toBeNull());

    expect(requests).toEqual([
      ["POST", "/preferences", { text: "No charts" }],
      ["PATCH", "/preferences/pref_1", { text: "US dates" }],
      ["DELETE", "/preferences/pref_2", null],
    ]);
  });
});
