// The recorded notebook: whether it is as it was recorded, its cells, its exports, sign-off.
import { Button, Spinner } from "@fluentui/react-components";
import { ArrowDownloadRegular, CheckmarkCircleRegular, DismissCircleRegular, ShieldCheckmarkRegular } from "@fluentui/react-icons";
import { useCallback, useEffect, useState } from "react";
import { api, EXPORTS, exportAddress, type PathName } from "../api/client";
import type { FoundError, Schemas } from "../api/events";
import { ErrorCard } from "../chat/cards";
import { OutputView } from "../outputs/output";
import { Code } from "../parts/code";
import { Markdown } from "../parts/markdown";
import { count, moment } from "../parts/words";
import { foundError } from "../state/path_store";
import { useMay } from "../state/may";
import { languageName } from "../terminal/languages";
import { cellsOf, inputsOf, type NotebookCell } from "./cells";
import { Reruns } from "./reruns";

const AT_ONCE = 60;
const EXPORT_WORDS: Record<(typeof EXPORTS)[number], [string, string]> = {
  html: ["Web page", ".html"],
  pdf: ["PDF", ".pdf"],
  py: ["Script", ".py"],
  ipynb: ["Notebook", ".ipynb"],
  bundle: ["Review bundle", ".zip"],
};

export function NotebookView({ path, files, revision, show }: {
  path: PathName;
  files: readonly Schemas["File"][];
  /** Grows when something is recorded: then it is read again. */
  revision: number;
  show: (cell: string) => void;
}) {
  const [cells, setCells] = useState<readonly NotebookCell[] | null>(null);
  const [inputs, setInputs] = useState<readonly string[]>([]);
  const [verification, setVerification] = useState<Schemas["Verification"] | null>(null);
  const [problem, setProblem] = useState<FoundError | null>(null);
  const [drawn, setDrawn] = useState(AT_ONCE);
  const read = useCallback(() => {
    setProblem(null);
    Promise.all([api.notebook(path), api.verification(path)]).then(
      ([notebook, found]) => {
        setCells(cellsOf(notebook));
        setInputs(inputsOf(notebook));
        setVerification(found);
      },
      (error: unknown) => setProblem(foundError(error)),
    );
  }, [path]);
  useEffect(read, [read, revision]);
  return (
    <div className="notebook">
      {problem && <ErrorCard error={problem} retry={read} />}
      {cells === null && !problem && <Spinner size="tiny" label="Verifying the notebook" />}
      {verification && <Badge found={verification} />}
      {cells?.length === 0 && <p className="quiet">Nothing is recorded here yet.</p>}
      {cells !== null && cells.length > 0 && <Exports path={path} />}
      {verification && cells !== null && cells.length > 0 && <Reviews path={path} reviews={verification.reviews} done={read} />}
      {cells !== null && cells.length > 0 && (
        <Reruns path={path} inputs={inputs} files={files.map((file) => file.name).filter((name) => name.startsWith("inputs/"))} />
      )}
      {cells?.slice(0, drawn).map((cell) => <RecordedCell key={cell.id} cell={cell} show={show} />)}
      {cells !== null && cells.length > drawn && (
        <Button onClick={() => setDrawn(drawn + AT_ONCE)}>Show {Math.min(AT_ONCE, cells.length - drawn)} more of {count(cells.length, "cell")}</Button>
      )}
    </div>
  );
}

/** Whether the notebook is as it was recorded; what differs, and who could have changed it. */
export function Badge({ found }: { found: Schemas["Verification"] }) {
  const { verified, cells, problems, notes, signature } = found;
  if (verified && notes.length === 0) {
    return (
      <p className="line verification">
        <ShieldCheckmarkRegular className="good" />
        <span className="breakable">Verified: {count(cells, "cell")} as recorded{signature.key_id ? `, signed with key ${signature.key_id}` : ""}.</span>
      </p>
    );
  }
  return (
    <details className="checks verification" open={!verified}>
      <summary className="breakable">
        {verified ? <ShieldCheckmarkRegular className="good" /> : <DismissCircleRegular className="bad" />}
        {verified ? `Verified: ${count(cells, "cell")} as recorded; ${count(notes.length, "note")}` : `Not as recorded: ${count(problems.length, "difference")}`}
      </summary>
      <ul>
        {problems.map((each, place) => (
          <li key={place} className="breakable">
            {each.cell === null ? "" : `Cell ${each.cell}: `}{each.what}{each.field ? ` (${each.field})` : ""}{each.by ? `. Who could have done it: ${each.by}` : ""}
          </li>
        ))}
        {notes.map((note) => <li key={note} className="breakable">{note}</li>)}
      </ul>
    </details>
  );
}

function Exports({ path }: { path: PathName }) {
  return (
    <div className="buttons" role="group" aria-label="Export">
      {EXPORTS.map((to) => (
        <Button
          key={to}
          as="a"
          size="small"
          className={`export-${to}`}
          icon={<ArrowDownloadRegular />}
          href={exportAddress(path, to)}
          download={`${path.conversation}-${path.path}${EXPORT_WORDS[to][1]}`}
        >
          {EXPORT_WORDS[to][0]}
        </Button>
      ))}
    </div>
  );
}

/** What reviewers have signed or noted, and the place to do so. */
function Reviews({ path, reviews, done }: { path: PathName; reviews: Schemas["Verification"]["reviews"]; done: () => void }) {
  const may = useMay().can("review");
  const [note, setNote] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<FoundError | null>(null);
  const sign = (kind: Schemas["SignOffRequest"]["kind"]) => {
    setBusy(true);
    setProblem(null);
    api.signOff(path, kind, note.trim()).then(
      () => {
        setNote("");
        done();
      },
      (error: unknown) => setProblem(foundError(error)),
    ).finally(() => setBusy(false));
  };
  return (
    <details className="reviews" open={reviews.length > 0}>
      <summary>{reviews.length > 0 ? `Reviewed: ${count(reviews.length, "entry", "entries")}` : "Review this notebook"}</summary>
      <ul className="trace-list">
        {reviews.map((each) => (
          <li key={each.cell} className="breakable">
            <CheckmarkCircleRegular className={each.kind === "sign-off" ? "good" : "quiet"} />{" "}
            {each.kind === "sign-off" ? "Signed off" : "Noted"} by {each.name}, {moment(each.at)}{each.note && `: ${each.note}`}
          </li>
        ))}
      </ul>
      {!may && <p className="quiet">Signing off needs the role of a reviewer.</p>}
      {may && <textarea className="plain-input wide-input" rows={2} aria-label="Note of the review" placeholder="A note (optional for a sign-off)" value={note} onChange={(event) => setNote(event.target.value)} />}
      {may && <div className="buttons">
        <Button size="small" appearance="primary" className="sign-off" disabled={busy} onClick={() => sign("sign-off")}>Sign off</Button>
        <Button size="small" disabled={busy || !note.trim()} onClick={() => sign("review-note")}>Leave a note</Button>
      </div>}
      {problem && <ErrorCard error={problem} />}
    </details>
  );
}

const STATUS: Record<string, string> = { error: "Failed", interrupted: "Stopped", died: "Kernel ended", blocked: "Refused", "not-run": "Not run" };

function RecordedCell({ cell, show }: { cell: NotebookCell; show: (cell: string) => void }) {
  if (cell.kind === "request") return <div className="request">{cell.text}</div>;
  if (cell.kind === "words") return <Markdown text={cell.text} />;
  return (
    <section className="cell recorded" aria-label={`Cell ${cell.number}`}>
      <div className="cell-bar recorded-bar">
        <span className="grow">Cell {cell.number}, {languageName(cell.language)}</span>
        {STATUS[cell.status] && <span className="warn">{STATUS[cell.status]}</span>}
        <Button size="small" appearance="subtle" onClick={() => show(cell.id)}>
          <span><span className="visually-hidden">Cell {cell.number} </span>In the chat</span>
        </Button>
      </div>
      <Code code={cell.code} language={cell.language} />
      {cell.outputs.length > 0 && (
        <div className="outputs">
          {cell.outputs.map((output, place) => <OutputView key={place} output={output} stopped={cell.status === "interrupted"} />)}
        </div>
      )}
    </section>
  );
}
