// Events as the service sends them.
import type { EventData, PathEvent } from "../src/api/events";
import { EMPTY, type PathState } from "../src/state/model";
import { reduce } from "../src/state/reducer";

type Given = { [K in keyof EventData]: [K, Partial<EventData[K]>] }[keyof EventData] | [string, object];

export const AT = "2026-11-20T22:00:00.000+00:00";

/** A log of events of turn `turn_1`, numbered from *first*. */
export const logOf = (given: readonly Given[], turn: string | null = "turn_1", first = 1): PathEvent[] =>
  given.map(([kind, data], place) => ({ seq: first + place, kind, turn, at: AT, data }));

export const seen = (events: readonly PathEvent[], before: PathState = EMPTY): PathState =>
  reduce(before, { type: "events", events });

export const stream = (text: string, name = "stdout"): Given => [
  "cell.output",
  { cell: "c1", output: { output_type: "stream", name, text } },
];

export const WHOLE: readonly Given[] = [
  ["turn.started", { kind: "turn", user: "ann", request: "stack them" }],
  ["context.used", { workbooks: [], files: [], variables: ["kept"], history: { whole: 1, shortened: 1, digests: 0, left_out: 0 }, kernel_is_new: false, state_note: "" }],
  ["route.chosen", { way: "python", reason: "it concerns 2 files", operation: "merge" }],
  ["model.text", { text: "I will " }],
  ["model.text", { text: "stack." }],
  ["code.generated", { code: "print(1)", parameters: { n: 1 }, comment: "I will stack.", model: "m", tokens: {} }],
  ["risk.assessed", { risk: "low", findings: [], imports: [], syntax_error: "" }],
  ["cell.started", { cell: "p1", code: "n = 1", tags: ["parameters"] }],
  ["cell.finished", { cell: "p1", status: "ok", seconds: 0.01 }],
  ["cell.started", { cell: "c1", code: "print(1)", tags: [] }],
  stream("1\n"),
  ["file.created", { name: "outputs/a.xlsx", size: 10, sha256: "00", cell: "c1" }],
  ["workbook.checked", { cell: "c1", name: "outputs/a.xlsx", findings: [] }],
  ["cell.finished", { cell: "c1", status: "ok", seconds: 0.5 }],
  ["turn.finished", { status: "ok", answer: "Stacked." }],
];
