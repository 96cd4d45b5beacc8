import { useCallback, useEffect, useMemo, useState } from "react";
import { fileAddress, fileContent, type PathName } from "../api/client";
import { shortName } from "../parts/words";
import { insertSheets } from "./insert";
import { onSelection, readSelection, selectedAddress, withSelection } from "./selection";
import { currentWorkbook } from "./workbook";

export interface SelectionSwitch {
  /** The selected range; null if no single one is. */
  address: string | null;
  on: boolean;
  turn: (on: boolean) => void;
  /** The request, with the selected cells behind it if they are to be sent. */
  behind: (request: string) => Promise<string>;
}

export interface ExcelActions {
  insert: (path: PathName, name: string) => Promise<string>;
  selection: SelectionSwitch;
}

/** Insert result *name* as new sheets of the workbook that is open now; return what was done. */
export async function insertResult(path: PathName, name: string): Promise<string> {
  const meant = await currentWorkbook();
  const content = await fileContent(fileAddress(path, name));
  const { sheets, onTheWeb } = await insertSheets(new Uint8Array(await content.arrayBuffer()), meant);
  if (sheets.length === 0) return `${shortName(name)} was opened as a new workbook: this Excel can't insert sheets.`;
  const words = `Inserted into ${meant.name}: ${sheets.join(", ")}.`;
  return onTheWeb ? `${words} Excel on the web inserts no charts, comments or PivotTables.` : words;
}

/** What the page does in Excel; null outside it. */
export function useExcel(inside: boolean): ExcelActions | null {
  const [address, setAddress] = useState<string | null>(null);
  const [on, turn] = useState(true);
  useEffect(() => {
    if (!inside) return;
    const look = () => void selectedAddress().then(setAddress, () => setAddress(null));
    look();
    return onSelection(look);
  }, [inside]);
  const behind = useCallback(
    async (request: string) => (on && address !== null ? withSelection(request, await readSelection()) : request),
    [on, address],
  );
  return useMemo(
    () => (inside ? { insert: insertResult, selection: { address, on, turn, behind } } : null),
    [inside, address, on, behind],
  );
}
