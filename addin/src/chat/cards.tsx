// The cards of a turn: what it made, what went wrong, what it looked at.
import { Button } from "@fluentui/react-components";
import {
  ArrowDownloadRegular, CheckmarkCircleRegular, DismissCircleRegular, DocumentTableRegular, EyeRegular, WarningRegular,
} from "@fluentui/react-icons";
import { useEffect, useState } from "react";
import { InsertButton } from "../office/insert_button";
import { fileAddress, type PathName } from "../api/client";
import type { ContextUsed, FoundError, RouteChosen } from "../api/events";
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
export function ResultCard({ path, files, checks, preview, insert }: {
  path: PathName;
  files: readonly MadeFile[];
  checks: readonly Check[];
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
          <Checks checks={checks.filter((check) => check.name === file.name)} />
        </div>
      ))}
    </section>
  );
}

function Checks({ checks }: { checks: readonly Check[] }) {
  if (checks.length === 0) return null;
  const findings = checks.flatMap((check) => check.findings);
  const computed = checks.map((check) => check.computed).filter(Boolean).join(" ");
  if (findings.length === 0) {
    return (
      <p className="line checks">
        <CheckmarkCircleRegular className="good" />
        <span className="breakable">Opened and checked: nothing wrong{computed && `. ${computed}`}</span>
      </p>
    );
  }
  return (
    <details className="checks">
      <summary>
        <WarningRegular className="warn" /> {count(findings.length, "thing")} to look at
      </summary>
      <ul>
        {findings.map((finding, place) => (
          <li key={place} className="breakable">
            {finding.message} {finding.hint && <span className="quiet">{finding.hint}</span>}
          </li>
        ))}
        {computed && <li className="breakable">{computed}</li>}
      </ul>
    </details>
  );
}

const amount = (value: number): string => value.toLocaleString(undefined, { maximumFractionDigits: 2 });

/** Rows and sums of the result against what was read: one line that opens. */
export function TieOutLine({ tieOut }: { tieOut: TieOut }) {
  const good = tieOut.status === "tied-out";
  return (
    <details className="tie-out">
      <summary className="breakable">
        {good ? <CheckmarkCircleRegular className="good" /> : <WarningRegular className="warn" />}
        {tieOut.line || tieOut.why}
      </summary>
      <ul>
        {tieOut.findings.map((finding, place) => (
          <li key={`finding-${place}`} className="breakable">{finding.message} {finding.hint}</li>
        ))}
        {tieOut.sums.map((sum, place) => (
          <li key={`sum-${place}`} className="breakable">
            {sum.name}: {amount(sum.before)} before, {amount(sum.after)} after
            {sum.ties === null ? "" : sum.ties ? ", ties" : ", does not tie"}
            {sum.why && `: ${sum.why}`}
          </li>
        ))}
        {tieOut.left_out.map((left, place) => (
          <li key={`left-${place}`} className="breakable">
            Left out: {left.rows === null ? "rows" : count(left.rows, "row")}, {left.why}
          </li>
        ))}
        {tieOut.why && tieOut.line && <li className="breakable">{tieOut.why}</li>}
      </ul>
    </details>
  );
}

/** What the model looked at before it answered. */
export function Sources({ sources, route }: { sources: ContextUsed; route: RouteChosen | null }) {
  const { workbooks, files, variables } = sources;
  const { whole = 0, shortened = 0, digests = 0 } = sources.history ?? {};
  const earlier = whole + shortened + digests;
  const parts = [
    workbooks.length > 0 ? count(workbooks.length, "workbook") : "",
    variables.length > 0 ? count(variables.length, "variable") : "",
    earlier > 0 ? count(earlier, "earlier step") : "",
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
