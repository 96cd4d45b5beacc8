import type { AskedUndo } from "../conversations/undo";

/** What lies over the page: at most one at a time. */
export type Opened =
  | { over: "preview"; name: string }
  | { over: "branch"; turn: string }
  | { over: "undo"; asked: AskedUndo }
  | { over: "merge" | "history" | "settings" | "conversations" | "help" };
