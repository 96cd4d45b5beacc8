import type { Schemas } from "../api/events";

export type ModeName = Schemas["ModeReply"]["name"];

/** The modes of a conversation: name, what it is called, what happens in it. */
export const MODES: readonly [ModeName, string, string][] = [
  ["auto", "Auto", "Low risk runs; what is riskier asks you."],
  ["preview", "Preview", "You see the plan and its code first, and approve it."],
  ["step", "Step by step", "Each cell waits for you, and each change in Excel."],
  ["read-only", "Read only", "Cells work on a copy: nothing that they write stays."],
  ["autonomous", "Autonomous …", "What you name needs no question, until a time."],
];

export const modeName = (mode: string): string => (MODES.find(([name]) => name === mode)?.[1] ?? mode).replace(" …", "");

export const LONGEST_HOURS = 24;
export const MOST_CELLS = 1000;

/** What an autonomous conversation is to be allowed, or what is wrong with it in words. */
export function autonomousFrom(scope: string, hours: number, cells: number, now: Date): Schemas["ModeRequest"] | string {
  const named = [...new Set(scope.split("\n").map((line) => line.trim()).filter(Boolean))];
  if (named.length === 0) return "Name at least one thing that needs no question.";
  if (!(hours > 0 && hours <= LONGEST_HOURS)) return `It lasts up to ${LONGEST_HOURS} hours.`;
  if (!Number.isInteger(cells) || cells < 1 || cells > MOST_CELLS) return `It runs 1 to ${MOST_CELLS} cells.`;
  return { name: "autonomous", scope: named, until: new Date(now.getTime() + hours * 3_600_000).toISOString(), cells };
}
