import { FluentProvider, webLightTheme } from "@fluentui/react-components";
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { AskedCall, PermissionRequired } from "../src/api/events";
import { PermissionCard } from "../src/permission/card";
import { endOfDay, localTime, momentToCome } from "../src/permission/until";
import { addressParts, leaving, reached } from "../src/permission/words";
import { logOf, seen } from "./events";

const call: AskedCall = {
  method: "POST", url: "https://rates.example/v1/upload?day=1", host: "rates.example", exact: true, body: true, body_bytes: 1204,
  variables: ["sales"], always: "POST https://rates.example/v1/*",
};
const asked: PermissionRequired = {
  id: "perm_1", explanation: "The code needs your permission: it talks to the network.", imports: ["urllib"],
  capabilities: ["library:urllib", "path:/etc/hosts", "network:POST https://rates.example/v1/upload"],
  targets: ["urllib", "/etc/hosts", call.url, "a printer"], preview: "import urllib",
  findings: [{ line: 3, column: 1, tier: "medium", rule: "import", reason: "urllib talks to the network", target: "urllib", capability: "library:urllib" }],
  network: [call], mode: "", plan: [], always: ["every use of the library urllib", "every POST call to https://rates.example/v1/ and all addresses below it"],
  expires_at: Date.now() / 1000 + 600,
};
const step = { type: "permission", asked, decision: null, who: null, until: null } as const;
const shown = (element: React.ReactElement) => render(<FluentProvider theme={webLightTheme}>{element}</FluentProvider>);

/** What is posted to the service. */
function posted(status = 200): unknown[] {
  const bodies: unknown[] = [];
  vi.stubGlobal("fetch", async (address: string, { body }: { body: string }) => {
    bodies.push([address, JSON.parse(body)]);
    const answer = status === 200 ? { id: "perm_1", decision: "once", poll: "" } : { error: { code: "c", message: "Too late.", hint: "", details: {} } };
    return new Response(JSON.stringify(answer), { status });
  });
  return bodies;
}

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

describe("the card of a permission", () => {
  it("says why, which addresses and files, what leaves, and what a standing permission covers", () => {
    const { container } = shown(<PermissionCard asker="ann" step={step} />);
    const facts = Object.fromEntries([...container.querySelectorAll("dt")].map((name) => [name.textContent, name.nextElementSibling!.textContent]));

    expect(container.textContent).toContain("Line 3: urllib talks to the network");
    expect(facts.Addresses).toBe("POST https://rates.example/v1/upload?day=1 this address alone");
    expect(facts["What leaves"]).toBe("a body of 1,204 bytes, with values of sales");
    expect(facts.Files).toBe("/etc/hosts");
    expect(facts.Library).toBe("urllib");
    expect(facts.Reaches).toBe("a printer");
    expect(facts["“Always” covers"]).toContain("every POST call to https://rates.example/v1/ and all addresses below it");
    expect(container.querySelector("details")!.open).toBe(false);
  });

  it.each([
    ["Allow once", { decision: "once" }],
    ["Always allow", { decision: "always" }],
    ["Deny", { decision: "deny" }],
  ])("sends %s once, whatever is clicked behind it", async (words, body) => {
    const bodies = posted();
    shown(<PermissionCard asker="ann" step={step} />);

    fireEvent.click(screen.getByText(words));
    fireEvent.click(screen.getByText("Deny"));
    await waitFor(() => expect(bodies).toEqual([["/api/v1/permissions/perm_1", body]]));
  });

  it("sends until when it is allowed, and takes no time that is past", async () => {
    const bodies = posted();
    shown(<PermissionCard asker="ann" step={step} />);
    fireEvent.click(screen.getByText("Allow until …"));
    fireEvent.change(screen.getByLabelText("Until"), { target: { value: "2020-01-01T10:00" } });
    fireEvent.click(screen.getByText("Allow"));
    expect(screen.getByRole("alert").textContent).toContain("still to come");
    fireEvent.change(screen.getByLabelText("Until"), { target: { value: "2999-01-01T10:00" } });
    fireEvent.click(screen.getByText("Allow"));

    const until = new Date("2999-01-01T10:00").toISOString();
    await waitFor(() => expect(bodies).toEqual([["/api/v1/permissions/perm_1", { decision: "until", until }]]));
  });

  it("says why a reply was not taken, and lets choose again", async () => {
    posted(409);
    shown(<PermissionCard asker="ann" step={step} />);
    fireEvent.click(screen.getByText("Allow once"));

    expect((await screen.findByRole("alert")).textContent).toContain("Too late.");
    expect(screen.getByText<HTMLElement>("Deny").closest("button")!.disabled).toBe(false);
  });

  it("says how it was decided, by whom and until when", () => {
    const end = new Date("2999-01-01T10:00").getTime() / 1000;
    const state = seen(logOf([
      ["turn.started", { kind: "turn", user: "ann", request: "r" }],
      ["permission.required", asked],
      ["permission.decided", { id: "perm_1", decision: "until", who: "ann", until: end }],
    ]));
    const decided = state.turns[0]!.steps[0]!;
    if (decided.type !== "permission") throw new Error(decided.type);
    const { container } = shown(<PermissionCard asker="ann" step={decided} />);

    expect(container.textContent).toMatch(/^Allowed until .*2999.* by ann: urllib talks to the network$/);
    expect(container.querySelector("button")).toBeNull();
  });
});

describe("an address", () => {
  it.each([
    ["https://rates.example/a?rates.example", "rates.example", ["https://", "rates.example", "/a?rates.example"]],
    ["https://http/x", "http", ["https://", "http", "/x"]],
    ["https://[::1]:8/x", "::1", ["https://[", "::1", "]:8/x"]],
    ["https://…/x", "", ["", "", "https://…/x"]],
  ])("%s has its host stand out", (url, host, [before, named, path]) => {
    expect(addressParts({ ...call, url, host })).toEqual({ before, host: named, path });
  });

  it("that only the running code knows has no parts", () => {
    expect(addressParts({ ...call, url: "" })).toBeNull();
  });
});

it.each([
  [{ body: false, variables: [] }, "nothing but the address itself"],
  [{ body: false, variables: ["day"] }, "values of day"],
  [{ body: true, body_bytes: null, variables: [] }, "a body, whose size only the running code knows"],
])("what leaves with %j is said in words", (change, words) => {
  expect(leaving({ ...call, ...change })).toBe(words);
});

it("names of files show the characters that would turn the reading direction", () => {
  expect(reached({ ...asked, capabilities: ["path:/tmp/a\u202egnp.exe"] }).files).toEqual(["/tmp/a\\u{202e}gnp.exe"]);
});

it("times are written as the input takes them, and are to come", () => {
  const noon = new Date(2026, 0, 5, 12, 3);

  expect(localTime(noon)).toBe("2026-01-05T12:03");
  expect(endOfDay(noon).getDate()).toBe(5);
  expect(momentToCome("2026-01-05T12:04", noon)).not.toBeNull();
  expect([momentToCome("2026-01-05T12:03", noon), momentToCome("", noon), momentToCome("soon", noon)]).toEqual([null, null, null]);
});
