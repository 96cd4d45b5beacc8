// Which workbook is open: a result is never put into another one than its user looked at.
import { WorkbookProblem, workbookProblem } from "./problems";

export interface Workbook {
  name: string;
  /** Where it is saved; empty for a new one. */
  url: string;
}

/** The workbook, once its `name` was loaded and synced. */
export const loadedWorkbook = (context: Excel.RequestContext): Workbook => ({
  name: context.workbook.name,
  url: Office.context.document.url ?? "",
});

/** Raise unless the loaded workbook is the one that was *meant*. */
export function checkWorkbook(context: Excel.RequestContext, meant: Workbook, done = "Nothing was changed."): void {
  const now = loadedWorkbook(context);
  if (now.name === meant.name && now.url === meant.url) return;
  throw new WorkbookProblem(
    "workbook-switched",
    `The open workbook is now “${now.name}”, not “${meant.name}”. ${done}`,
    `Go back to “${meant.name}”; or try again if this is the one you mean.`,
    { meant: { ...meant }, now: { ...now } },
  );
}

/** Run *work* in Excel; what goes wrong becomes a problem in words. */
export async function inExcel<T>(work: (context: Excel.RequestContext) => Promise<T>): Promise<T> {
  try {
    return await Excel.run(work);
  } catch (error) {
    throw workbookProblem(error);
  }
}

export const currentWorkbook = (): Promise<Workbook> =>
  inExcel(async (context) => {
    context.workbook.load("name");
    await context.sync();
    return loadedWorkbook(context);
  });
