// Puts a result workbook into the open one, as new sheets.
import { hasApi, tooOld, WorkbookProblem, workbookProblem } from "./problems";
import { checkWorkbook, inExcel, type Workbook } from "./workbook";

/** Excel on the web takes requests of up to 5 MB; some of that is not the file. */
export const WEB_CHARACTERS = 4_900_000;

export interface Inserted {
  /** Names of the new sheets; empty if the result was opened as a workbook of its own. */
  sheets: string[];
  /** What Excel on the web leaves out of inserted sheets. */
  onTheWeb: boolean;
}

export function base64(bytes: Uint8Array): string {
  const parts: string[] = [];
  // Chunks of a multiple of 3 bytes can be coded one by one.
  for (let first = 0; first < bytes.length; first += 32_766) {
    parts.push(btoa(String.fromCharCode(...bytes.subarray(first, first + 32_766))));
  }
  return parts.join("");
}

/**
 * Insert every sheet of *file* (.xlsx) at the end of the workbook that was *meant*.
 *
 * Excel renames a new sheet whose name is taken. Without ExcelApi 1.13 the file is opened as a new
 * workbook (1.8) instead.
 */
export async function insertSheets(file: Uint8Array, meant: Workbook): Promise<Inserted> {
  const coded = base64(file);
  const onTheWeb = Office.context.platform === Office.PlatformType.OfficeOnline;
  if (onTheWeb && coded.length > WEB_CHARACTERS) {
    throw new WorkbookProblem(
      "too-big-for-excel",
      `The file has ${(file.length / 1e6).toFixed(1)} MB; Excel on the web takes up to 3.6 MB from an add-in.`,
      "Download the file and open it instead.",
    );
  }
  if (!hasApi("1.13")) {
    if (!hasApi("1.8")) throw tooOld();
    await Excel.createWorkbook(coded).catch((error: unknown) => {
      throw workbookProblem(error);
    });
    return { sheets: [], onTheWeb };
  }
  return inExcel(async (context) => {
    context.workbook.load("name");
    await context.sync();
    checkWorkbook(context, meant);
    const ids = context.workbook.insertWorksheetsFromBase64(coded, { positionType: "End" });
    await context.sync();
    const sheets = ids.value.map((id) => context.workbook.worksheets.getItem(id).load("name"));
    sheets[0]?.activate();
    await context.sync();
    return { sheets: sheets.map((sheet) => sheet.name), onTheWeb };
  });
}
