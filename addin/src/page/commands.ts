import type { Command } from "../chat/commands";

export interface Does {
  inExcel: boolean;
  /** The files have a place of their own beside the chat. */
  filesBeside: boolean;
  begin: () => void;
  files: () => void;
  history: () => void;
  revert: () => void;
  trace: () => void;
  notebook: () => void;
  terminal: () => void;
  settings: () => void;
  help: () => void;
  tour: () => void;
}

/** What the words behind a slash do. */
export const commandsOf = (does: Does): Command[] => [
  { name: "new", says: "Begin a new conversation", run: does.begin },
  { name: "files", says: does.filesBeside ? "Add files" : "Your files and results", run: does.files },
  { name: "history", says: "Earlier states of the workbook open in Excel", run: does.history },
  { name: "revert", says: does.inExcel ? "Put a range of the workbook back" : "Undo the last request", run: does.revert },
  { name: "trace", says: "Where a cell of a result comes from", run: does.trace },
  { name: "notebook", says: "The recorded notebook, verified; sign it off", run: does.notebook },
  { name: "export", says: "The notebook as page, PDF, script or review bundle", run: does.notebook },
  { name: "terminal", says: "Run code yourself", run: does.terminal },
  { name: "settings", says: "Model, permissions, colours", run: does.settings },
  { name: "help", says: "Keys and commands", run: does.help },
  { name: "tour", says: "The short tour again", run: does.tour },
];
