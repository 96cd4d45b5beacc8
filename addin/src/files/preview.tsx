import {
  Button, Dialog, DialogBody, DialogContent, DialogSurface, DialogTitle, Spinner, Tab, TabList,
} from "@fluentui/react-components";
import { ArrowDownloadRegular, DismissRegular, WarningRegular } from "@fluentui/react-icons";
import { useEffect, useMemo, useState } from "react";
import { api, fileAddress, type PathName } from "../api/client";
import type { FoundError, Schemas } from "../api/events";
import { ErrorCard } from "../chat/cards";
import { Grid } from "../outputs/grid";
import { count, shortName } from "../parts/words";
import { foundError } from "../state/path_store";
import { cellText, columnName, columnWords, letter, rowKind, sheetsOf, type Table, type Value } from "./cells";

const ROWS_AT_ONCE = 200;

/** Rows of a file as they are, with what is known of its tables. */
export function PreviewDialog({ path, name, close }: { path: PathName; name: string; close: () => void }) {
  const [sheet, setSheet] = useState("");
  const [preview, setPreview] = useState<Schemas["FilePreview"] | null>(null);
  const [rows, setRows] = useState<Value[][]>([]);
  const [profile, setProfile] = useState<Schemas["FileProfile"] | null>(null);
  const [problem, setProblem] = useState<FoundError | null>(null);
  const [loading, setLoading] = useState(false);

  useEffect(() => {
    let current = true;
    api.profile(path, name).then((found) => current && setProfile(found), () => undefined);
    return () => {
      current = false;
    };
  }, [path, name]);
  useEffect(() => {
    let current = true;
    setLoading(true);
    api
      .preview(path, name, sheet, 1, ROWS_AT_ONCE)
      .then(
        (found) => {
          if (!current) return;
          setPreview(found);
          setRows(found.rows as Value[][]);
          setProblem((found.problem as FoundError | null) ?? null);
        },
        (error: unknown) => current && setProblem(foundError(error)),
      )
      .finally(() => current && setLoading(false));
    return () => {
      current = false;
    };
  }, [path, name, sheet]);

  const first = preview?.first_row ?? 1;
  const more = async () => {
    setLoading(true);
    try {
      const found = await api.preview(path, name, sheet, first + rows.length, ROWS_AT_ONCE);
      setRows([...rows, ...(found.rows as Value[][])]);
      setPreview((before) => (before ? { ...before, more: found.more } : found));
    } catch (error) {
      setProblem(foundError(error));
    } finally {
      setLoading(false);
    }
  };

  const shown = preview?.sheet ?? sheet;
  const known = sheetsOf(profile?.profile).find((each) => each.name === shown);
  const width = Math.max(0, ...rows.map((row) => row.length));
  const grid = useMemo(
    () =>
      rows.map((row, place) => [
        String(first + place),
        ...Array.from({ length: width }, (_, column) => cellText(row[column] ?? null)),
      ]),
    [rows, first, width],
  );
  const header = useMemo(() => [["", ...Array.from({ length: width }, (_, column) => letter(column))]], [width]);

  return (
    <Dialog open onOpenChange={(_, data) => !data.open && close()}>
      <DialogSurface className="preview" aria-label={`Preview of ${shortName(name)}`}>
        <DialogBody className="preview-body">
          <DialogTitle
            as="h2"
            action={<Button appearance="subtle" icon={<DismissRegular />} aria-label="Close" onClick={close} />}
          >
            <span className="breakable">{shortName(name)}</span>
          </DialogTitle>
          <DialogContent className="preview-content">
            {preview !== null && preview.sheets.length > 1 && (
              <div className="scroller">
                <TabList size="small" selectedValue={shown} onTabSelect={(_, data) => setSheet(String(data.value))}>
                  {preview.sheets.map((each) => (
                    <Tab key={each} value={each}>{each}</Tab>
                  ))}
                </TabList>
              </div>
            )}
            {problem && <ErrorCard error={problem} />}
            {known?.tables?.map((table, place) => <TableFacts key={place} table={table} />)}
            {loading && rows.length === 0 && <Spinner size="small" label="Reading the file" />}
            {preview !== null && !problem && rows.length === 0 && !loading && (
              <p className="quiet">There are no rows to show: this is no table, or it is empty.</p>
            )}
            {grid.length > 0 && (
              <Grid
                header={header}
                rows={grid}
                index={1}
                sortable={false}
                label={`Rows of ${shown || shortName(name)}`}
                nearEnd={() => preview?.more && !loading && void more()}
                mark={(place) => rowKind(known, first + place)}
              />
            )}
            <div className="buttons">
              {preview?.more && (
                <Button size="small" disabled={loading} onClick={() => void more()}>More rows</Button>
              )}
              <span className="grow" />
              <Button as="a" size="small" icon={<ArrowDownloadRegular />} href={fileAddress(path, name)} download={shortName(name)}>
                Download
              </Button>
            </div>
          </DialogContent>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  );
}

function TableFacts({ table }: { table: Table }) {
  const columns = table.columns ?? [];
  const described = columns.map((column) => ({ ...columnWords(column), name: columnName(column.name), letter: column.letter ?? "" }));
  const warnings = described.filter((column) => column.warning).length;
  return (
    <details className="sources">
      <summary>
        {warnings > 0 && <WarningRegular className="warn" />}
        Table {table.range ?? ""}: {count(table.data_rows ?? 0, "row")}, {count(columns.length, "column")}
        {warnings > 0 ? `; ${count(warnings, "column")} to look at` : ""}
      </summary>
      <ul>
        {described.map((column, place) => (
          <li key={place} className="breakable">
            {column.letter} <strong>{column.name}</strong>: {column.words}
          </li>
        ))}
        {(table.totals ?? []).map((total, place) => (
          <li key={`total-${place}`}>
            Row {total.row}: {total.label} is a total{total.ties === false ? ", and does not add up" : ""}; it is no data
          </li>
        ))}
      </ul>
    </details>
  );
}
