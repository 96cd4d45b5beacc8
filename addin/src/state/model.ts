// What is known of one path, made from its events alone.
import type {
  CheckFinding, ContextUsed, EgressFinding, FoundError, NetworkCalled, OfficeRequested, PermissionRequired, PlannedStep, RiskFinding, RouteChosen,
} from "../api/events";
import type { Outputs } from "../outputs/fold";

export type TurnKind = "turn" | "execute" | "jupyter" | "merge" | "undo";
export type TurnStatus = "running" | "waiting" | "ok" | "error" | "cancelled" | "interrupted";
export type CellStatus =
  | "written" | "running" | "ok" | "error" | "interrupted" | "died" | "blocked" | "not-run";

/** Why a cell's results are of an earlier state. */
export interface Stale {
  reason: string;
  /** The cell that changed what it used. */
  by: string;
  /** A later cell with the same code, if one has run since. */
  again: string | null;
}

export interface CellStep {
  type: "cell";
  /** The cell's id; null before it begins to run. */
  id: string | null;
  /** Its place in the notebook, from 1; null before it is recorded. */
  number: number | null;
  code: string;
  language: string;
  stale: Stale | null;
  /** The cell holds the constants that the request named. */
  parameters: boolean;
  status: CellStatus;
  risk: "low" | "medium" | "high" | null;
  findings: readonly RiskFinding[];
  outputs: Outputs;
  startedAt: number | null;
  seconds: number | null;
  error: { code: string; message: string } | null;
}

export interface PermissionStep {
  type: "permission";
  asked: PermissionRequired;
  decision: string | null;
  who: string | null;
  /** When a permission that was given for some time ends, in ms; null of others. */
  until: number | null;
}

/** Something that was done in the workbook open in Excel. */
export interface OfficeStep {
  type: "office";
  id: string;
  tool: string;
  arguments: Readonly<Record<string, unknown>>;
  workbook: string;
  status: "running" | "ok" | "error" | "stopped";
  summary: string;
  error: { code: string; message: string; hint?: string } | null;
}

/** Something that a policy names was on its way out. */
export interface RedactedStep {
  type: "redacted";
  towards: "model" | "client";
  findings: readonly EgressFinding[];
}

/** Calls of the network, one after the other. */
export interface NetworkStep {
  type: "network";
  calls: readonly NetworkCalled[];
}

/** An answer that was held against the checks. */
export interface AnswerCheck {
  contradicted: readonly { claim: string; fact: string }[];
  /** Numbers that are in no result, as the answer writes them. */
  unfound: readonly string[];
}

/** An answer that went back to the model. */
export interface HeldBackStep {
  type: "held-back";
  check: AnswerCheck;
}

export interface TextStep {
  type: "text";
  text: string;
}

export interface NoteStep {
  type: "note";
  tone: "info" | "warning";
  text: string;
}

/** An event of a kind this page does not know. */
export interface OtherStep {
  type: "other";
  kind: string;
  data: unknown;
}

export type Step =
  | CellStep | PermissionStep | OfficeStep | RedactedStep | NetworkStep | HeldBackStep | TextStep | NoteStep | OtherStep;

export interface MadeFile {
  name: string;
  size: number;
  sha256: string;
}

export interface Check {
  name: string;
  findings: readonly CheckFinding[];
  /** What became of formulas that were written without values, in one line. */
  computed: string | null;
}

/** Rows and sums of what was written against what was read. */
export interface TieOut {
  status: "tied-out" | "suspicious" | "not-tied-out";
  line: string;
  why: string;
  left_out: readonly { rows: number | null; why: string }[];
  sums: readonly { name: string; before: number; after: number; ties: boolean | null; why: string }[];
  findings: readonly CheckFinding[];
  /** Names of the written files that it is about. */
  written: readonly string[];
}

export interface RerunStanding {
  status: string;
  /** How many of its cells have begun. */
  cell: number;
  cells: number;
}

/** What is known of an upload: how much of it was read, and once all was, what was found. */
export interface FileFacts {
  tables: number;
  problem: FoundError | null;
  /** From 0 to 1 while it is read; null then. */
  share: number | null;
}

export type Rating = "up" | "down" | null;

export interface Turn {
  id: string;
  kind: TurnKind;
  user: string;
  request: string | null;
  /** The model's replies were recorded: no model was asked. */
  recorded: boolean;
  status: TurnStatus;
  /** What happens just now, in words. */
  doing: string;
  startedAt: number;
  finishedAt: number | null;
  /** The model's words as they stream in. */
  draft: string;
  steps: Step[];
  answer: string | null;
  error: FoundError | null;
  sources: ContextUsed | null;
  /** Where it is worked on, and why. */
  route: RouteChosen | null;
  /** The steps that the model means to take. */
  plan: readonly PlannedStep[];
  files: MadeFile[];
  checks: Check[];
  /** Of the latest state of each written file. */
  tieOuts: TieOut[];
  /** What of the answer nothing bears out; null if there is no such thing. */
  answerCheck: AnswerCheck | null;
  /** What the user thinks of it, as far as that is known. */
  rating: Rating;
  /** Another request has undone it. */
  undone: boolean;
}

/** A request that was made here and has not begun yet. */
export interface Pending {
  key: string;
  kind: "turn" | "execute";
  request: string;
  /** Of code. */
  language: string;
  state: "sending" | "queued" | "refused";
  turn: string | null;
  error: FoundError | null;
  /** Turns known when it was made: if a new one asks the same, the service has got it. */
  known: readonly string[];
}

export interface PathState {
  seq: number;
  turns: readonly Turn[];
  pending: readonly Pending[];
  /** Grows whenever a file changes. */
  filesRevision: number;
  /** What was found in uploads, by name. */
  fileFacts: Readonly<Record<string, FileFacts>>;
  /** Re-runs of the notebook that were told of, by id. */
  reruns: Readonly<Record<string, RerunStanding>>;
  source: { path: string; turn: string | null } | null;
  mergedInto: string | null;
  /** What Excel is asked to do now. */
  office: { seq: number; turn: string | null; request: OfficeRequested } | null;
  /** Grows whenever the conversation's mode changes. */
  modeRevision: number;
  /** Why the path waits for a kernel, if it does. */
  waiting: string | null;
  /** What the user thinks of answers, by turn: it may be known before the turn is. */
  ratings: Readonly<Record<string, Rating>>;
}

export const EMPTY: PathState = {
  seq: 0,
  turns: [],
  pending: [],
  filesRevision: 0,
  fileFacts: {},
  reruns: {},
  source: null,
  mergedInto: null,
  office: null,
  modeRevision: 0,
  waiting: null,
  ratings: {},
};
