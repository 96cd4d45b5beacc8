import { describe, expect, it } from "vitest";
import type { CellStep, PathState, Pending, Turn } from "../src/state/model";
import { EMPTY } from "../src/state/model";
import { visible } from "../src/outputs/fold";
import { reduce } from "../src/state/reducer";
import { logOf, seen, stream, WHOLE } from "./events";

const turn = (state: PathState, place = 0): Turn => state.turns[place]!;
const cells = (state: PathState): CellStep[] => turn(state).steps.filter((step) => step.type === "cell");
const printed = (state: PathState): string =>
  cells(state).flatMap((cell) => cell.outputs.shown.map((output) => (output.type === "text" ? visible(output.text) : ""))).join("");

const STARTED = WHOLE.slice(0, 1);
const RUNNING: typeof WHOLE = [...STARTED, ["cell.started", { cell: "c1", code: "x", tags: [] }]];

const frozen = <T>(value: T): T => {
  if (value !== null && typeof value === "object" && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(frozen);
  }
  return value;
};

describe("a turn", () => {
  it("has its words, cells, files, checks and answer", () => {
    const done = turn(seen(logOf(WHOLE)));

    expect(done.status).toBe("ok");
    expect(done.answer).toBe("Stacked.");
    expect(done.draft).toBe("");
    expect(done.steps.map((step) => step.type)).toEqual(["text", "cell", "cell"]);
    expect(done.files.map((file) => file.name)).toEqual(["outputs/a.xlsx"]);
    expect(done.checks).toEqual([{ name: "outputs/a.xlsx", findings: [], computed: null }]);
  });

  it("keeps the cell of parameters before the one that was written", () => {
    const [parameters, code] = cells(seen(logOf(WHOLE)));

    expect(parameters).toMatchObject({ id: "p1", parameters: true, code: "n = 1", risk: null });
    expect(code).toMatchObject({ id: "c1", parameters: false, code: "print(1)", risk: "low", seconds: 0.5 });
  });

  it("is the same however its events are cut into batches", () => {
    const events = logOf(WHOLE);
    const whole = seen(events);

    for (let cut = 1; cut < events.length; cut += 1) {
      expect(seen(events.slice(cut), seen(events.slice(0, cut)))).toEqual(whole);
    }
  });

  it("is the same when a reconnection brings events again", () => {
    const events = logOf(WHOLE);

    expect(seen(events.slice(3), seen(events))).toEqual(seen(events));
  });

  it("changes nothing of the state before", () => {
    const events = logOf(WHOLE);
    let state = EMPTY;
    for (const event of events) state = seen([event], frozen(state));

    expect(turn(state).answer).toBe("Stacked.");
  });

  it("leaves turns it does not touch as they are, so that they are not drawn again", () => {
    const before = seen(logOf(WHOLE));
    const after = seen(logOf(STARTED, "turn_2", 20), before);

    expect(after.turns[0]).toBe(before.turns[0]);
  });

  it("shows an event of a kind that is not known", () => {
    const state = seen(logOf([...STARTED, ["some.kind", { ok: true }]]));

    expect(turn(state).steps).toEqual([{ type: "other", kind: "some.kind", data: { ok: true } }]);
  });

  it("is tied out, and marked when it was undone", () => {
    const done = seen(
      logOf([
        ...STARTED,
        ["checkpoint.created", { checkpoint: "k", cell: "c1", reason: "cell", files: 1, size: 1, not_kept: [] }],
        ["cell.started", { cell: "c1", code: "x", tags: [] }],
        ["result.checked", { cell: "c1", status: "tied-out", line: "3 rows in, 3 out", sums: [], left_out: [], findings: [], why: "" }],
      ]),
    );
    const undone = seen(logOf([["history.restored", { undone: ["c1"], redone: [] }]], "turn_2", 20), done);

    expect(turn(done)).toMatchObject({ undone: false, tieOuts: [{ line: "3 rows in, 3 out" }] });
    expect(turn(undone).undone).toBe(true);
    expect(turn(seen(logOf([["history.restored", { undone: [], redone: ["c1"] }]], "turn_3", 30), undone)).undone).toBe(false);
  });

  it.each([{}, { sums: 3, findings: "x" }, null])("takes odd facts of newer kinds: %j", (facts) => {
    const kinds = [
      "result.checked", "checkpoint.created", "checkpoint.skipped", "history.restored", "cell.stale", "answer.checked", "output.redacted",
      "network.called", "workbook.checked", "permission.decided", "cell.started", "cell.output", "cell.finished", "tool.called", "new.kind",
    ];

    expect(turn(seen(logOf([...STARTED, ...kinds.map((kind) => [kind, facts] as [string, object])]))).status).toBe("running");
  });

  it("ends what was still open when it is cancelled", () => {
    const asked = { id: "p", explanation: "", capabilities: [], imports: [], targets: [], preview: "", findings: [], expires_at: 0 };
    const state = seen(
      logOf([...RUNNING, ["permission.required", asked], ["turn.finished", { status: "cancelled" }]]),
    );

    expect(cells(state)[0]!.status).toBe("interrupted");
    expect(turn(state).steps.at(-1)).toMatchObject({ type: "permission", decision: "cancelled" });
  });

  it("forgets the draft when the model is asked again", () => {
    const state = seen(
      logOf([...STARTED, ["model.text", { text: "half" }], ["model.retrying", { attempt: 1, wait_seconds: 2, reason: "busy" }]]),
    );

    expect(turn(state).draft).toBe("");
    expect(turn(state).doing).toContain("asking again in 2 s");
  });

  it("names its place in the line for a kernel", () => {
    const state = seen(logOf([...STARTED, ["context.waiting", { ahead: 2, reason: "memory" }]]));

    expect(turn(state).doing).toContain("2 requests ahead");
  });
});

describe("outputs", () => {
  const outputs = (...given: Parameters<typeof logOf>[0]) => seen(logOf([...RUNNING, ...given] as never));

  it("are joined by stream", () => {
    expect(printed(outputs(stream("a"), stream("b\n"), stream("c")))).toBe("ab\nc");
  });

  it("fold carriage returns, also across events", () => {
    expect(printed(outputs(stream("10 %\r"), stream("50 %\r20"), stream(" %\n")))).toBe("20 %\n");
    expect(printed(outputs(stream("long line\rab")))).toBe("abng line");
    expect(printed(outputs(stream("windows\r\nends\r\n")))).toBe("windows\nends\n");
  });

  it("take the place of cleared ones", () => {
    const clear = (wait: boolean) => ["cell.output", { cell: "c1", output: { output_type: "clear_output", wait } }] as const;

    expect(printed(outputs(stream("old"), clear(false) as never, stream("new")))).toBe("new");
    expect(printed(outputs(stream("old"), clear(true) as never))).toBe("old");
    expect(printed(outputs(stream("old"), clear(true) as never, stream("new")))).toBe("new");
  });

  it("update a display wherever it was shown", () => {
    const display = (output_type: string, text: string) =>
      ["cell.output", { cell: "c1", output: { output_type, data: { "text/plain": text }, metadata: {}, transient: { display_id: "d" } } }] as never;
    const state = outputs(display("display_data", "10 %"), stream("x"), display("update_display_data", "all"));

    expect(cells(state)[0]!.outputs.shown[0]).toMatchObject({ data: { "text/plain": "all" } });
  });

  it("that a thread prints when its turn has ended come to its cell", () => {
    const late = ["cell.output", { cell: "c1", output: { output_type: "stream", name: "stdout", text: "more" }, late: true }] as [string, object];
    const ended = outputs(stream("a\n"), ["turn.finished", { status: "ok" }]);
    const other = seen(logOf([["turn.started", { kind: "turn", user: "ann", request: "next" }], late], "turn_2", 20), ended);
    const nobodys = seen(logOf([late], null, 20), ended);

    for (const state of [other, nobodys]) {
      expect(cells(state)[0]!.outputs.shown).toMatchObject([{ name: "stdout", text: "a\n" }, { name: "late", text: "more" }]);
    }
  });

  it("of ten thousand events take less than a second", () => {
    const lines = Array.from({ length: 10_000 }, (_, line) => stream(`line ${line}\n`));
    const begun = performance.now();
    const state = outputs(...lines);

    expect(printed(state).split("\n").length).toBe(10_001);
    expect(performance.now() - begun).toBeLessThan(1000);
  });
});

describe("a request made here", () => {
  const pending: Pending = { key: "k", kind: "turn", request: "stack them", language: "python", state: "sending", turn: null, error: null, known: [] };
  const sent = reduce(EMPTY, { type: "sent", pending });

  it("is shown at once, and once only when it begins before its answer is here", () => {
    const begun = seen(logOf(STARTED), sent);
    const accepted = reduce(begun, { type: "accepted", key: "k", turn: "turn_1" });

    expect(sent.pending).toHaveLength(1);
    expect(begun.pending).toHaveLength(0);
    expect(accepted).toMatchObject({ pending: [], turns: [{ id: "turn_1" }] });
  });

  it("waits in line until it begins", () => {
    const queued = reduce(sent, { type: "accepted", key: "k", turn: "turn_1" });

    expect(queued.pending).toMatchObject([{ state: "queued", turn: "turn_1" }]);
    expect(seen(logOf(STARTED), queued).pending).toHaveLength(0);
  });

  it("is not taken for another one that begins", () => {
    const other = logOf([["turn.started", { kind: "turn", user: "bob", request: "other" }]]);

    expect(seen(other, sent).pending).toHaveLength(1);
  });

  it("stays with its reason when it is refused", () => {
    const error = { code: "queue-full", message: "Full.", hint: "Wait.", details: {} };

    expect(reduce(sent, { type: "refused", key: "k", error }).pending).toMatchObject([{ state: "refused", error }]);
  });

  it("is found in the queue after the page was loaded again", () => {
    const turns = [{ id: "turn_9", kind: "turn", request: "later" }];
    const state = reduce(EMPTY, { type: "queued", turns });

    expect(state.pending).toMatchObject([{ turn: "turn_9", request: "later", state: "queued" }]);
    expect(reduce(state, { type: "queued", turns })).toBe(state);
  });
});

describe("a workbook that a cell has written", () => {
  it("is said to be checked, and computed, while that goes on", () => {
    const checking = (step: string) =>
      logOf([
        ["turn.started", { kind: "turn", user: "ann", request: "sum it" }],
        ["cell.checking", { cell: "c1", step, names: ["outputs/sum.xlsx"], seconds: 0.2 }],
      ]);

    expect(seen(checking("check")).turns[0]?.doing).toBe("Checking sum.xlsx");
    expect(seen(checking("formulas")).turns[0]?.doing).toBe("Computing the formulas of sum.xlsx");
  });
});

describe("a re-run of the notebook", () => {
  it("is followed without a word in the conversation", () => {
    const events = logOf([
      ["rerun.progress", { rerun: "rerun_1", status: "running", cell: 2, cells: 3 }],
      ["rerun.finished", { rerun: "rerun_1", status: "finished", verdict: "reproduced", error: null }],
    ], null);

    expect(seen(events.slice(0, 1)).reruns).toEqual({ rerun_1: { status: "running", cell: 2, cells: 3 } });
    expect(seen(events)).toMatchObject({ reruns: { rerun_1: { status: "finished", cell: 2 } }, turns: [] });
  });
});
