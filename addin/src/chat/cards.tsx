// The cards of a turn: what it made, what went wrong, what it looked at.
import { Button } from "@fluentui/react-components";
import { ArrowDownloadRegular, DismissCircleRegular, DocumentTableRegular, EyeRegular, WarningRegular } from "@fluentui/react-icons";
import { useEffect, useState } from "react";
import { InsertButton } from "../office/insert_button";
import { fileAddress, type PathName } from "../api/client";
import type { ContextUsed, FoundError, RouteChosen } from "../api/events";
import { CheckLine } from "../facts/checks";
import { count, shortName, size } from "../parts/words";
import type { Check, MadeFile, OtherStep, TieOut } from "../state/model";

export function ErrorCard({ error, retry }: { error: FoundError; retry?: () => void }) {
  return (
    <section className="card problem" role="alert">
      <p className="line">
        <DismissCircleRegular className="bad" />
        <span className="breakable">
          <strong>{error.message}</strong>
          {error.hint ? <> {error.hint}</> : null}
        </span>
      </p>
      {retry && (
        <div className="buttons">
          <Button size="small" onClick={retry}>Try again</Button>
        </div>
      )}
    </section>
  );
}

/** The files a turn made, with what was found in them. */
export function ResultCard({ path, files, checks, tieOuts, preview, insert }: {
  path: PathName;
  files: readonly MadeFile[];
  checks: readonly Check[];
  tieOuts: readonly TieOut[];
  preview: (name: string) => void;
  insert: ((name: string) => Promise<string>) | null;
}) {
  return (
    <section className="card result" aria-label="Files made">
      {files.map((file) => (
        <div key={file.name} className="made">
          <DocumentTableRegular className="made-icon" />
          <div className="grow">
            <div className="breakable strong">{shortName(file.name)}</div>
            <div className="quiet">{size(file.size)}</div>
          </div>
          <Button icon={<EyeRegular />} appearance="subtle" aria-label={`Preview ${shortName(file.name)}`} onClick={() => preview(file.name)} />
          <Button as="a" icon={<ArrowDownloadRegular />} href={fileAddress(path, file.name)} download={shortName(file.name)}>
            Download
          </Button>
          {insert && /\.xlsx$/i.test(file.name) && <InsertButton name={file.name} insert={insert} />}
        </div>
      ))}
      <CheckLine checks={checks} tieOuts={tieOuts} />
    </section>
  );
}

/** What the model looked at before it answered. */
export function Sources({ sources, route }: { sources: ContextUsed; route: RouteChosen | null }) {
  const { workbooks, files, variables } = sources;
  const { whole = 0, shortened = 0, digests = 0 } = sources.history ?? {};
  const earlier = whole + shortened + digests;
  // Logs of earlier versions lack these two.
  const preferences = sources.found?.preferences?.length ?? 0;
  const worked = sources.found?.worked?.length ?? 0;
  const parts = [
    workbooks.length > 0 ? count(workbooks.length, "workbook") : "",
    variables.length > 0 ? count(variables.length, "variable") : "",
    earlier > 0 ? count(earlier, "earlier step") : "",
    preferences > 0 ? count(preferences, "preference") : "",
  ].filter(Boolean);
  if (parts.length === 0) return null;
  return (
    <details className="sources">
      <summary>Looked at {parts.join(", ")}</summary>
      <ul>
        {workbooks.map((book) => (
          <li key={book.file} className="breakable">
            {shortName(book.file)}
            {book.problem
              ? `: ${book.problem.message}`
              : `: ${book.sheets.map((sheet) => (sheet.rows === null ? sheet.name : `${sheet.name} (${count(sheet.rows, "row")})`)).join(", ")}`}
          </li>
        ))}
        {variables.length > 0 && <li className="breakable">Variables: {variables.join(", ")}</li>}
        {files.length > workbooks.length && <li className="breakable">Files: {files.map(shortName).join(", ")}</li>}
        {worked > 0 && <li>Code that worked on tables like these, from {count(worked, "earlier request")} of yours</li>}
        {route && (
          <li className="breakable">
            Worked on {route.way === "office" ? "in the open workbook" : "in Python"}: {route.reason}
          </li>
        )}
        {sources.state_note && <li className="breakable">{sources.state_note}</li>}
      </ul>
    </details>
  );
}

/** An event of a kind that came after this page: its facts as text. */
export function OtherCard({ step }: { step: OtherStep }) {
  const data = (step.data ?? {}) as Record<string, unknown>;
  const words = [data.message, data.text, data.summary].find((each) => typeof each === "string") as string | undefined;
  const bad = data.ok === false || data.status === "error" || (Array.isArray(data.findings) && data.findings.length > 0);
  return (
    <details className="sources other">
      <summary>
        {bad && <WarningRegular className="warn" />}
        {words ?? step.kind.replace(".", " ")}
      </summary>
      <pre className="printed" tabIndex={0} aria-label="Details">{JSON.stringify(step.data, null, 2)}</pre>
    </details>
  );
}

/** Says what is announced to screen readers, once for each change. */
export function Announcer({ words }: { words: string }) {
  const [said, setSaid] = useState("");
  useEffect(() => {
    const timer = setTimeout(() => setSaid(words), 300);
    return () => clearTimeout(timer);
  }, [words]);
  return <div className="visually-hidden" role="status">{said}</div>;
}
