// The pane does each request once, and replies until the service has the reply.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { OfficeRequest } from "../src/office/requests";
import { OfficeRequests } from "../src/office/requests";
import { ExcelStandin } from "./excel_standin";
import { logOf, seen } from "./events";

let excel: ExcelStandin;
const keep = vi.fn(async () => ({ checkpoint: null, note: "" }));
let sent: Record<string, unknown>[];
const send = (message: object) => (sent.push(message as Record<string, unknown>), true);
beforeEach(() => {
  excel = new ExcelStandin().install();
  sent = [];
  sessionStorage.clear();
});
afterEach(() => excel.uninstall());

const request = (requests: OfficeRequests, more: Partial<OfficeRequest> = {}): OfficeRequest => ({
  id: "office_1", pane: requests.pane, workbook: { name: "Book.xlsx", url: excel.url }, tool: "write_cells",
  arguments: { sheet: "Sheet1", range: "A1", values: [["once"]], overwrite: true, text: false }, mutates: true, seconds: 60, ...more,
});
const replies = () => sent.filter((each) => each.kind === "office.reply");
const settled = (count = 1) => vi.waitFor(() => expect(replies().length).toBe(count));

describe("requests of the service", () => {
  it("announces the workbook and what this Excel can do", async () => {
    await new OfficeRequests(send, keep).announce();

    expect(sent[0]).toMatchObject({ kind: "office.pane", workbook: { name: "Book.xlsx", url: excel.url } });
    expect(sent[0]!.tools).toContain("write_cells");
  });

  it("does what it is asked and replies", async () => {
    const requests = new OfficeRequests(send, keep);
    requests.take(request(requests));
    await settled();

    expect(replies()[0]).toMatchObject({ id: "office_1", result: { cells: 1 } });
    expect(excel.at("A1")).toBe("once");
  });

  it("leaves the requests of other panes alone", () => {
    const requests = new OfficeRequests(send, keep);
    requests.take(request(requests, { pane: "pane-of-others" }));

    expect(requests.state.known).toEqual([]);
    expect(excel.syncs).toBe(0);
  });

  it("gives the same reply when it is asked again, and does it only once, also after a reload", async () => {
    const requests = new OfficeRequests(send, keep);
    requests.take(request(requests));
    requests.take(request(requests));
    await settled();
    excel.put("A1", [["the user's"]]);
    const again = new OfficeRequests(send, keep);
    again.take(request(again));
    await settled(2);

    expect(replies()[1]).toEqual(replies()[0]);
    expect(excel.at("A1")).toBe("the user's");
  });

  it("does not repeat what a reload cut off: nobody knows what came of it", async () => {
    const requests = new OfficeRequests(send, keep);
    const asked = request(requests);
    excel.synced = () => { excel.synced = () => undefined; throw new Error("the pane is closed"); };
    sessionStorage.setItem("tallybook.office", JSON.stringify({ pane: requests.pane, known: [{ id: asked.id, reply: null }] }));
    const again = new OfficeRequests(send, keep);
    again.take(asked);

    expect(replies()).toMatchObject([{ error: { code: "outcome-unknown", hint: expect.stringContaining("Read the cells") } }]);
    expect(excel.at("A1")).toBeUndefined();
  });

  it("says in words what went wrong", async () => {
    const requests = new OfficeRequests(send, keep);
    excel.sheet("Sheet1").locked = true;
    requests.take(request(requests));
    await settled();

    expect(replies()[0]).toMatchObject({ error: { code: "sheet-protected" } });
  });

  it("tells the service when another workbook is open now", async () => {
    const requests = new OfficeRequests(send, keep);
    excel.name = "Other.xlsx";
    requests.take(request(requests));
    await vi.waitFor(() => expect(sent.find((each) => each.kind === "office.pane")).toMatchObject({ workbook: { name: "Other.xlsx" } }));

    expect(replies()[0]).toMatchObject({ error: { code: "workbook-switched" } });
  });

  it("stops what is not wanted any more, without a reply", async () => {
    const requests = new OfficeRequests(send, keep);
    requests.take(request(requests));
    requests.keepOnly(null);
    await vi.waitFor(() => expect(requests.state.known[0]?.reply).not.toBeNull());

    expect(replies()).toEqual([]);
    expect(excel.at("A1")).toBeUndefined();
  });
});

describe("the state of a path", () => {
  const asked = { id: "office_1", pane: "p", workbook: { name: "B", url: "" }, tool: "read_range", arguments: {}, mutates: false, seconds: 1 };
  const events = logOf([
    ["turn.started", { kind: "turn", user: "ann", request: "read" }],
    ["office.requested", asked],
    ["office.requested", asked],
    ["office.replied", { id: "office_1", tool: "read_range", status: "ok", summary: "A1 read", error: null }],
    ["turn.finished", { status: "ok", answer: "1" }],
  ]);

  it("has what Excel is asked until it has replied, and one line of it", () => {
    expect(seen(events.slice(0, 3)).office?.request.id).toBe("office_1");
    const state = seen(events);
    expect(state.office).toBeNull();
    expect(state.turns[0]?.steps).toMatchObject([{ type: "office", status: "ok", summary: "A1 read" }]);
  });

  it("forgets it when the request ends, however its events are cut", () => {
    const ended = [...events.slice(0, 2), { ...events[4]!, seq: 3 }];
    expect(seen(ended).office).toBeNull();
    expect(seen(ended).turns[0]?.steps).toMatchObject([{ status: "stopped" }]);
    for (let cut = 1; cut < events.length; cut += 1) expect(seen(events.slice(cut), seen(events.slice(0, cut)))).toEqual(seen(events));
  });
});
