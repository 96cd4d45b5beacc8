// Checkpoints of ranges: kept by the service before a change, put back by this pane.
import { ApiError, api, type PathName } from "../api/client";
import { inExcel, type Workbook } from "../office/workbook";
import { Job } from "../office/operations/job";
import { areaName, inverseOf, putBack, type Snapshot, snapshotBefore, TooMuch } from "./snapshot";

export interface Kept {
  checkpoint: string | null;
  /** Why there is none, or what it leaves out. */
  note: string;
}

const quiet = () => new AbortController().signal;

/** Keep what *tool* is about to change; raises only if the request has ended meanwhile. */
export async function keepBefore(
  path: PathName, request: string, tool: string, asked: Record<string, unknown>, workbook: Workbook, signal: AbortSignal,
): Promise<Kept> {
  let snapshot: Snapshot | null;
  try {
    snapshot = await inExcel((context) => snapshotBefore(new Job(context, workbook, signal), tool, asked));
  } catch (error) {
    if (!(error instanceof TooMuch)) throw error;
    return { checkpoint: null, note: `No checkpoint was made: ${String((error as Error).message)}.` };
  }
  if (snapshot === null) return { checkpoint: null, note: "No checkpoint was made: this kind of change has none. Undo it in Excel with Ctrl+Z." };
  return keep(path, request, tool, workbook, snapshot);
}

async function keep(path: PathName, request: string | null, tool: string, workbook: Workbook, snapshot: Snapshot): Promise<Kept> {
  const about = { workbook: workbook.name.slice(0, 400), sheet: snapshot.sheet, address: placeOf(snapshot), tool };
  try {
    const made = await api.keepRange(path, { request, about, content: { snapshot, url: workbook.url } });
    const missing = missingOf(snapshot);
    return { checkpoint: made.id, note: missing.length > 0 ? `The checkpoint has no ${missing.join(", ")}.` : "" };
  } catch (error) {
    if (error instanceof ApiError && error.code === "conflict" && request !== null) throw error;
    return { checkpoint: null, note: `No checkpoint was made: ${(error as Error).message}` };
  }
}

/** What *snapshot* leaves out, in words. */
const missingOf = (snapshot: Snapshot): string[] =>
  "missing" in snapshot ? snapshot.missing : snapshot.kind === "cells" ? snapshot.held.missing : [];

export function placeOf(snapshot: Snapshot): string {
  switch (snapshot.kind) {
    case "cells": return areaName(snapshot.held);
    case "rules": return snapshot.address;
    case "comments": return snapshot.cell;
    case "chart-added": return `added chart ${snapshot.name}`;
    case "pivot-added": return `added PivotTable ${snapshot.name}`;
    case "deleted": return `deleted ${snapshot.lines} from ${snapshot.first}`;
    case "inserted": return `inserted ${snapshot.lines} from ${snapshot.first}`;
    case "sheet-deleted": return "deleted sheet";
    case "sheet-added": return "added sheet";
    case "sheet-renamed": return `renamed from ${snapshot.before}`;
  }
}

/**
 * Put checkpoint *id* back into the open workbook, after keeping what is there now.
 *
 * @param sure put it back also where what is there now can't be kept and is lost for good
 */
export async function restoreRange(path: PathName, id: string, workbook: Workbook, sure = false): Promise<string> {
  const { content, workbook: name } = await api.range(path, id);
  const snapshot = content?.snapshot as Snapshot | undefined;
  if (!snapshot) throw new ApiError("not-kept", "What this checkpoint held is not kept any more.", "Choose another one.", 410);
  const meant = { name, url: String(content?.url ?? "") };
  // Only what belongs to this workbook goes into it, whatever is open now.
  if (meant.name !== workbook.name || meant.url !== workbook.url) {
    throw new ApiError("workbook-switched", `The checkpoint is of “${meant.name}”, and “${workbook.name}” is open.`, `Open “${meant.name}”.`, 409);
  }
  const { inverse, lost } = await inverseAndLost(meant, snapshot);
  const kept = inverse ? await keep(path, null, "restore", meant, inverse) : null;
  if (!sure && (lost.length > 0 || (inverse !== null && kept?.checkpoint === null))) {
    const what = lost.length > 0 ? lost.join(", ") : "what is there now";
    throw new ApiError(NOT_KEPT, `Putting this back takes away ${what}, which can't be kept. Nothing was changed.`, "Put it back all the same if that may be lost.", 409);
  }
  const done = await inExcel((context) => putBack(new Job(context, meant, quiet()), snapshot));
  return kept?.checkpoint ? done : `${done} What was there before could not be kept.`;
}

/** The code of a restoration that would lose something for good. */
export const NOT_KEPT = "not-kept-before";

async function inverseAndLost(meant: Workbook, snapshot: Snapshot): Promise<{ inverse: Snapshot | null; lost: string[] }> {
  if (snapshot.kind === "chart-added") return { inverse: null, lost: [`chart ${snapshot.name}`] };
  if (snapshot.kind === "pivot-added") return { inverse: null, lost: [`PivotTable ${snapshot.name}`] };
  try {
    const inverse = await inExcel((context) => inverseOf(new Job(context, meant, quiet()), snapshot));
    return { inverse, lost: inverse && "lost" in inverse ? inverse.lost : [] };
  } catch (error) {
    if (error instanceof TooMuch) return { inverse: null, lost: [`what is there now (${error.message})`] };
    throw error;
  }
}
