// Outputs of a cell as a person sees them: joined text, updated displays, no control characters.

export interface TextOutput {
  type: "text";
  name: string;
  /** As `append` made it; `visible` gives what is shown. */
  text: string;
}
/** Name of the stream of what was printed when the cell had ended. */
export const LATE = "late";
export interface FailureOutput {
  type: "failure";
  ename: string;
  evalue: string;
  traceback: string;
}
export interface DisplayOutput {
  type: "display";
  data: Readonly<Record<string, unknown>>;
  id: string | null;
}
export type Output = TextOutput | FailureOutput | DisplayOutput;

// CSI, OSC and two-character escape sequences. Source: ECMA-48, section 5.
const ESCAPES = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-~])/g;
const CONTROLS = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/g;

/** nbformat keeps texts as a string or as a list of lines. */
export const joined = (text: unknown): string =>
  Array.isArray(text) ? text.map(String).join("") : typeof text === "string" ? text : String(text ?? "");

export const plain = (text: unknown): string => joined(text).replace(ESCAPES, "").replace(CONTROLS, "");

/** What stands in a line after its carriage returns, as on a terminal. */
function overwritten(line: string): string {
  let shown = "";
  // From the last part on: of an earlier one only what is longer than all behind it shows.
  for (const part of line.split("\r").reverse()) {
    if (part.length > shown.length) shown += part.slice(shown.length);
  }
  return shown;
}

/** A line that may go on: what stands in it, and what was written since the last carriage return. */
function open(line: string): string {
  const cut = line.lastIndexOf("\r");
  return cut < 0 ? line : `${overwritten(line.slice(0, cut))}\r${line.slice(cut + 1)}`;
}

/** Append *chunk* to the folded text *before*; only its last line may have a carriage return. */
export function append(before: string, chunk: string): string {
  const cut = before.lastIndexOf("\n") + 1;
  const text = before.slice(cut) + chunk.replace(ESCAPES, "").replaceAll("\r\n", "\n");
  if (!text.includes("\r")) return before.slice(0, cut) + text;
  const lines = text.split("\n");
  const last = lines.pop() ?? "";
  return before.slice(0, cut) + [...lines.map(overwritten), open(last)].join("\n");
}

/** Folded text as it is shown. */
export function visible(text: string): string {
  const cut = text.lastIndexOf("\n") + 1;
  return plain(text.slice(0, cut) + overwritten(text.slice(cut)));
}

type Raw = Readonly<Record<string, unknown>>;

function displayId(output: Raw): string | null {
  const id = (output.transient as Raw | undefined)?.display_id;
  return typeof id === "string" ? id : null;
}

function outputFrom(output: Raw): Output | null {
  switch (output.output_type) {
    case "stream":
      return { type: "text", name: String(output.name), text: append("", joined(output.text)) };
    case "error":
      return {
        type: "failure",
        ename: plain(output.ename),
        evalue: plain(output.evalue),
        traceback: Array.isArray(output.traceback) ? plain(output.traceback.join("\n")) : "",
      };
    case "execute_result":
    case "display_data":
      return { type: "display", data: (output.data ?? {}) as Raw, id: displayId(output) };
    default:
      return null;
  }
}

export interface Outputs {
  shown: Output[];
  /** `clear_output(wait=True)` was called: the next output takes the place of all. */
  clearing: boolean;
}

/** Add one event's output to *outputs*, in place. */
export function addOutput(outputs: Outputs, raw: Raw): void {
  if (raw.output_type === "clear_output") {
    if (raw.wait) outputs.clearing = true;
    else outputs.shown = [];
    return;
  }
  const output = outputFrom(raw);
  if (output === null) return;
  if (outputs.clearing) {
    outputs.shown = [];
    outputs.clearing = false;
  }
  const last = outputs.shown.at(-1);
  if (output.type === "text" && last?.type === "text" && last.name === output.name) {
    outputs.shown[outputs.shown.length - 1] = { ...last, text: append(last.text, joined(raw.text)) };
  } else {
    outputs.shown.push(output);
  }
}

/** Give the display with the id of *raw* its new content; return whether there is one. */
export function updateDisplay(outputs: Outputs, raw: Raw): boolean {
  const id = displayId(raw);
  let found = false;
  if (id === null) return false;
  outputs.shown = outputs.shown.map((output) => {
    if (output.type !== "display" || output.id !== id) return output;
    found = true;
    return { ...output, data: (raw.data ?? {}) as Raw };
  });
  return found;
}

/** Keys of the displays that can be updated. */
export const displayIds = (outputs: Outputs): string[] =>
  outputs.shown.flatMap((output) => (output.type === "display" && output.id !== null ? [output.id] : []));
