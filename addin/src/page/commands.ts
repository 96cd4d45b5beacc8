import type { Command } from "../chat/commands";

/** What the words behind a slash do. */
export function commandsOf(does: {
  inExcel: boolean;
  history: () => void;
  revert: () => void;
}): Command[] {
  return [
    { name: "history", says: "Earlier states of the workbook open in Excel", run: does.history },
    { name: "revert", says: does.inExcel ? "Put a range of the workbook back" : "Undo the last request", run: does.revert },
  ];
}
