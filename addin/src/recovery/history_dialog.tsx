import {
  Button, Dialog, DialogActions, DialogBody, DialogContent, DialogSurface, DialogTitle, SearchBox,
} from "@fluentui/react-components";
import { ArrowUndoRegular, DeleteRegular } from "@fluentui/react-icons";
import { useCallback, useEffect, useState } from "react";
import { api, type PathName } from "../api/client";
import type { FoundError, Schemas } from "../api/events";
import { ErrorCard } from "../chat/cards";
import { cellName } from "../office/operations/job";
import { currentWorkbook } from "../office/workbook";
import { foundError } from "../state/path_store";
import { NOT_KEPT, restoreRange } from "./checkpoints";
import { matches } from "./fuzzy";
import type { Snapshot } from "./snapshot";

type Range = Schemas["RangeCheckpoint"];
const PREVIEWED = { rows: 8, columns: 5 };

const placed = (each: Range): string => [each.sheet, each.address].filter(Boolean).join("!");
const words = (each: Range): string =>
  `${each.tool === "restore" ? "Before something was put back" : `Before ${each.tool.replaceAll("_", " ")}`}: ${placed(each)}`;

/** The checkpoints of the open workbook's ranges: search, look, put back, delete. */
export function HistoryDialog({ path, inExcel, close }: { path: PathName; inExcel: boolean; close: () => void }) {
  const [listed, setListed] = useState<readonly Range[] | null>(null);
  const [search, setSearch] = useState("");
  const [open, setOpen] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const [done, setDone] = useState<string | null>(null);
  const [problem, setProblem] = useState<FoundError | null>(null);
  const [asked, setAsked] = useState<string | null>(null);
  const list = useCallback(
    () => api.ranges(path).then((found) => setListed(found.checkpoints), (error: unknown) => setProblem(foundError(error))),
    [path],
  );
  useEffect(() => void list(), [list]);
  const work = (what: () => Promise<string | null>) => {
    setBusy(true);
    setProblem(null);
    setDone(null);
    what().then((said) => { setDone(said); return list(); }, (error: unknown) => setProblem(foundError(error))).finally(() => setBusy(false));
  };
  const restore = (id: string, sure = false) => {
    setAsked(id);
    work(async () => restoreRange(path, id, await currentWorkbook(), sure));
  };
  const drop = (id: string | null) => work(async () => { await api.dropRange(path, id); return null; });
  const shown = (listed ?? []).filter((each) => matches(search, `${words(each)} ${each.workbook}`));
  return (
    <Dialog open onOpenChange={(_, data) => !data.open && close()}>
      <DialogSurface className="history-dialog">
        <DialogBody>
          <DialogTitle as="h2">History of the workbook</DialogTitle>
          <DialogContent>
            <SearchBox className="history-search" placeholder="Search" aria-label="Search the history" value={search} onChange={(_, data) => setSearch(data.value)} />
            {problem && <ErrorCard error={problem} />}
            {problem?.code === NOT_KEPT && asked !== null && (
              <Button disabled={busy} onClick={() => restore(asked, true)}>Put back all the same</Button>
            )}
            {done && <p className="line" role="status">{done}</p>}
            {listed !== null && shown.length === 0 && (
              <p className="quiet">{listed.length === 0 ? "Nothing was changed in Excel from here yet." : "Nothing fits."}</p>
            )}
            <ul className="history">
              {shown.map((each) => (
                <li key={each.id}>
                  <div className="history-line">
                    <button type="button" className="history-name breakable" aria-expanded={open === each.id} onClick={() => setOpen(open === each.id ? null : each.id)}>
                      {words(each)}
                      <span className="quiet">{new Date(each.at).toLocaleString()} · {each.workbook}</span>
                    </button>
                    {inExcel && (
                      <Button size="small" icon={<ArrowUndoRegular />} disabled={busy} aria-label={`Put back ${placed(each)}`} onClick={() => restore(each.id)}>
                        Put back
                      </Button>
                    )}
                    <Button size="small" appearance="subtle" icon={<DeleteRegular />} disabled={busy} aria-label={`Delete the checkpoint of ${placed(each)}`} onClick={() => drop(each.id)} />
                  </div>
                  {open === each.id && <Preview path={path} id={each.id} />}
                </li>
              ))}
            </ul>
          </DialogContent>
          <DialogActions>
            <Button disabled={busy || !listed?.length} onClick={() => drop(null)}>Delete all</Button>
            <Button appearance="primary" onClick={close}>Close</Button>
          </DialogActions>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  );
}

/** What a checkpoint would put back: its first cells. */
function Preview({ path, id }: { path: PathName; id: string }) {
  const [snapshot, setSnapshot] = useState<Snapshot | null>(null);
  const [problem, setProblem] = useState<FoundError | null>(null);
  useEffect(() => {
    api.range(path, id).then((found) => setSnapshot((found.content?.snapshot as Snapshot | undefined) ?? null), (error: unknown) => setProblem(foundError(error)));
  }, [path, id]);
  if (problem) return <ErrorCard error={problem} />;
  const held = snapshot && "held" in snapshot ? snapshot.held : null;
  if (!held) return null;
  const rows = held.formulas.slice(0, PREVIEWED.rows);
  const columns = Math.min(held.columns, PREVIEWED.columns);
  const left = held.rows - rows.length;
  return (
    <div className="scroller history-preview" tabIndex={0} role="region" aria-label="What was there">
      <table>
        <tbody>
          {rows.map((row, r) => (
            <tr key={r}>
              <th scope="row">{cellName(held.row + r, held.column)}</th>
              {row.slice(0, columns).map((value, c) => <td key={c}>{String(value).replace(/^'/, "")}</td>)}
            </tr>
          ))}
        </tbody>
      </table>
      {(left > 0 || held.columns > columns) && <p className="quiet">{held.rows} × {held.columns} cells in all.</p>}
    </div>
  );
}
