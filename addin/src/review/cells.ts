// A recorded notebook as the page shows it, taken from its JSON with care.
import { addOutput, joined, type Outputs } from "../outputs/fold";

export type NotebookCell =
  | { kind: "request"; id: string; text: string }
  | { kind: "words"; id: string; text: string }
  | { kind: "code"; id: string; number: number; code: string; language: string; status: string; outputs: Outputs["shown"] };

type Json = Readonly<Record<string, unknown>>;
const record = (value: unknown): Json => (value !== null && typeof value === "object" ? (value as Json) : {});
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

function cellOf(raw: unknown, place: number): NotebookCell {
  const cell = record(raw);
  const facts = record(record(cell.metadata).tallybook);
  const id = typeof cell.id === "string" ? cell.id : String(place);
  const text = joined(cell.source);
  if (cell.cell_type === "markdown") return { kind: facts.kind === "request" ? "request" : "words", id, text };
  const folded: Outputs = { shown: [], clearing: false };
  for (const output of list(cell.outputs ?? facts.outputs)) addOutput(folded, record(output));
  const status = typeof facts.status === "string" ? facts.status : "ok";
  const language = typeof facts.language === "string" ? facts.language : "python";
  return { kind: "code", id, number: place + 1, code: text, language, status, outputs: folded.shown };
}

/** Names below `inputs/` of the files that recorded cells have read. */
export function inputsOf(notebook: unknown): string[] {
  const read = list(record(notebook).cells).flatMap((cell) => list(record(record(record(cell).metadata).tallybook).inputs_read));
  const names = read.map(String).filter((name) => name.startsWith("inputs/")).map((name) => name.slice("inputs/".length));
  return [...new Set(names)];
}

/** The cells of *notebook*, numbered from 1. */
export const cellsOf = (notebook: unknown): NotebookCell[] => list(record(notebook).cells).map(cellOf);
