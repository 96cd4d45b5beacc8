import type { Schemas } from "../api/events";

/** What was asked last, so that it is there again when the user comes back. */
export interface Asked {
  file: string;
  cell: string;
  found: Schemas["CellTrace"] | null;
  /** Not all of the answer is here yet. */
  reading: boolean;
}
export const NOTHING_ASKED: Asked = { file: "", cell: "", found: null, reading: false };
