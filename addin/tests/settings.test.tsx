import { FluentProvider, webLightTheme } from "@fluentui/react-components";
import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Schemas } from "../src/api/events";
import { Welcome } from "../src/chat/welcome";
import { Grants, permittedHosts } from "../src/settings/grants";
import { SettingsPanel } from "../src/settings/panel";
import { keptWords } from "../src/settings/retention";
import { HOSTILE } from "./hostile";

const shown = (element: React.ReactElement) => render(<FluentProvider theme={webLightTheme}>{element}</FluentProvider>);
const grant = (id: string, capability: string, covers: string, expires_at: string | null = null): Schemas["Grant"] => ({
  id, capability, covers, kind: capability.split(":")[0]!, created_at: "2026-11-20T22:00:00+00:00", expires_at,
});
const health: Schemas["Health"] = {
  status: "ok", version: "1.2.3", sandbox: true, limits: "", model: "gemini-x", kernels: 0, upload_limit_bytes: 1,
  retention: { conversation_days: 0, checkpoint_days: 90, checkpoints: 500, kernel_idle_seconds: 1800 },
};
let held: Schemas["Grant"][];

beforeEach(() => {
  Reflect.set(Element.prototype, "animate", undefined); // cancelled animations are noise here
  held = [
    grant("g1", "network:GET https://rates.example/v1/*", "every GET call to https://rates.example/v1/ and all addresses below it", "2999-01-01T10:00:00+00:00"),
    grant("g2", "library:urllib", "every use of the library urllib"),
  ];
  vi.stubGlobal("fetch", async (address: string, { method }: { method: string }) => {
    if (method === "DELETE") held = held.filter((each) => !address.endsWith(`/${each.id}`));
    return new Response(JSON.stringify(method === "DELETE" ? { id: "", revoked: true } : { grants: held }));
  });
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

describe("what is allowed without a question", () => {
  it("is listed with what it covers and its end, by kind, and is revoked", async () => {
    const { container } = shown(<Grants />);
    const revoke = await screen.findByRole("button", { name: "Revoke every use of the library urllib" });

    expect(container.querySelector(".hosts")!.textContent).toBe("Code may call without a question: https://rates.example");
    expect([...container.querySelectorAll("h4")].map((each) => each.textContent)).toEqual(["Network", "Libraries"]);
    expect([...container.querySelectorAll(".grant-time")].map((each) => each.textContent)).toEqual([
      expect.stringMatching(/^Since .*, until .*2999/),
      expect.stringMatching(/^Since .*, until you revoke it$/),
    ]);
    fireEvent.click(revoke);
    await vi.waitFor(() => expect(container.querySelectorAll("li").length).toBe(1));
    expect(container.textContent).not.toContain("urllib");
  });

  it.each(HOSTILE)("is text whatever it holds: %s", async (attack) => {
    held = [grant("g", `other:${attack}`, attack)];
    const { container } = shown(<Grants />);

    await screen.findByRole("button", { name: /^Revoke/ });
    expect(container.querySelectorAll("script, img, svg, iframe, a, style, form").length).toBe(0);
    expect(container.querySelector("li")!.textContent).toContain(attack.replaceAll("\t", "\\u{9}"));
  });

  it("names each host once, with its port", () => {
    const named = ["network:GET http://a.example:8080/*", "network:POST http://a.example:8080/x", "network:GET https://b.example/", "network:url", "path:/data/https://c.example/x"];

    expect(permittedHosts(named.map((each) => grant(each, each, each)))).toEqual(["http://a.example:8080", "https://b.example"]);
  });
});

describe("the settings", () => {
  it("say which model is used, what is kept, and choose the colours", async () => {
    const choose = vi.fn();
    shown(<SettingsPanel health={health} look="system" choose={choose} help={() => {}} close={() => {}} />);

    for (const words of ["gemini-x", "until you delete them", "500 checkpoints", "90 days", "30 minutes"]) {
      expect(document.body.textContent).toContain(words);
    }
    fireEvent.click(screen.getByLabelText("Dark"));
    expect(choose.mock.calls).toEqual([["dark"]]);
  });

  it("say how to set a model up where there is none", () => {
    shown(<SettingsPanel health={{ ...health, model: null }} look="system" choose={() => {}} help={() => {}} close={() => {}} />);

    expect(document.body.textContent).toContain("GEMINI_API_KEY=");
  });
});

it("without a model the first screen names a key, a local endpoint, the demo and the terminal", () => {
  const [terminal, demo] = [vi.fn(), vi.fn()];
  const { container } = shown(<Welcome model={null} pick={() => {}} ask={() => {}} terminal={terminal} demo={demo} />);

  for (const words of ["GEMINI_API_KEY", "http://127.0.0.1:11434/v1"]) expect(container.textContent).toContain(words);
  fireEvent.click(screen.getByText("Run code"));
  fireEvent.click(screen.getByText("Play the recorded demo"));
  expect(terminal).toHaveBeenCalledOnce();
  expect(demo).toHaveBeenCalledOnce();
});

it.each([
  [{ ...health.retention, conversation_days: 30 }, "for 30 days"],
  [{ ...health.retention, checkpoints: 0 }, "can't be undone"],
  [{ ...health.retention, checkpoint_days: 0 }, "the last 500 checkpoints of a path."],
])("what is kept is said of %j", (retention, words) => {
  expect(keptWords({ retention }).join(" ")).toContain(words);
});
