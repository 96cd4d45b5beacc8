// What can go wrong in a workbook, in words. Codes: Excel.ErrorCodes of the Office JavaScript API.
import { ApiError } from "../api/client";

export class WorkbookProblem extends ApiError {
  override name = "WorkbookProblem";
  constructor(code: string, message: string, hint: string, details: Record<string, unknown> = {}) {
    super(code, message, hint, 400, details);
  }
}

const WORDS: Record<string, [code: string, message: string, hint: string]> = {
  InvalidOperationInCellEditMode: [
    "cell-edit-mode",
    "A cell is being edited in Excel.",
    "Press Enter or Escape in the cell, then try again.",
  ],
  AccessDenied: [
    "sheet-protected",
    "Excel does not allow the change: the sheet or the workbook is protected, or open for reading only.",
    "Take the protection off (Review, Unprotect) or save a copy, then try again.",
  ],
  ItemNotFound: ["not-in-workbook", "The sheet is not in the workbook any more.", "Select a range and try again."],
  InvalidReference: ["not-in-workbook", "The range is not in the workbook any more.", "Select a range and try again."],
  InvalidSelection: ["no-range-selected", "No single range of cells is selected.", "Select one range of cells."],
  InactiveWorkbook: ["workbook-switched", "The workbook is not the active one.", "Go back to it and try again."],
  MergedRangeConflict: ["merged-cells", "Merged cells are in the way.", "Unmerge them, or choose another range."],
  PivotTableRangeConflict: ["pivot-table", "A PivotTable is in the way.", "Choose another range."],
  RequestPayloadSizeLimitExceeded: tooBig(),
  ResponsePayloadSizeLimitExceeded: tooBig(),
  RangeExceedsLimit: tooBig(),
  OperationCellsExceedLimit: tooBig(),
  ApiNotFound: oldExcel(),
  NotImplemented: oldExcel(),
  UnsupportedFeature: oldExcel(),
};

function tooBig(): [string, string, string] {
  return ["too-big-for-excel", "Excel does not take so much at once.", "Download the file and open it instead."];
}

function oldExcel(): [string, string, string] {
  return ["excel-too-old", "This version of Excel can't do that.", "Download the file and open it, or update Excel."];
}

/** The problem in *error*; one that is known already stays as it is. */
export function workbookProblem(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const { code, message } = error as { code?: unknown; message?: unknown };
  const known = WORDS[String(code)];
  const details = { excel: String(code ?? ""), reason: String(message ?? error).slice(0, 300) };
  if (known) return new WorkbookProblem(...known, details);
  return new WorkbookProblem(
    "excel-refused",
    `Excel refused: ${details.reason}`,
    "Look at the workbook, then try again or download the file.",
    details,
  );
}

/** Whether *error* says that a request, or its answer, is more than Excel takes at once. */
export const isTooBig = (error: unknown): boolean => workbookProblem(error).code === "too-big-for-excel";

/** Whether this Excel has *version* of the ExcelApi set. */
export const hasApi = (version: string): boolean => Office.context.requirements.isSetSupported("ExcelApi", version);

export const tooOld = (): WorkbookProblem => new WorkbookProblem(...oldExcel());
