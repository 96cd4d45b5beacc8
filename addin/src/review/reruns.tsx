// Running the notebook again, with the recorded files or others, and what differs then.
import { Button } from "@fluentui/react-components";
import { ArrowDownloadRegular, ArrowSyncRegular, CheckmarkCircleRegular, DismissCircleRegular, WarningRegular } from "@fluentui/react-icons";
import { useCallback, useEffect, useState } from "react";
import { api, rerunReportAddress, type PathName } from "../api/client";
import type { FoundError, Schemas } from "../api/events";
import { ErrorCard } from "../chat/cards";
import { count, moment, shortName } from "../parts/words";
import { useMay } from "../state/may";
import { foundError } from "../state/path_store";

type Parameter = Schemas["NotebookParameter"];
type Summary = Schemas["RerunSummary"];
type Verdict = Schemas["RerunReport"]["verdict"];

const LOOK_MS = 1500;
const VERDICTS: Record<Verdict, string> = {
  reproduced: "The same again", differs: "Something differs", failed: "It failed", "not-run": "Not run", incomplete: "Not complete",
};
const UNDER_WAY = ["waiting", "running"];

/** How a re-run stands, in words. */
export function standing({ status, cell, cells, verdict }: Summary): string {
  if (status === "waiting") return "Waits for another re-run";
  if (status === "running") return cells > 0 ? `Runs: cell ${cell} of ${cells}` : "Begins";
  if (status === "finished") return VERDICTS[verdict as Verdict] ?? verdict ?? "Done";
  return status === "cancelled" ? "Cancelled" : status === "interrupted" ? "The service was stopped meanwhile" : "It could not be run";
}

/** The other values and files of a re-run, in words. */
export function withWords({ parameters, inputs }: Pick<Summary, "parameters" | "inputs">): string {
  const others = [
    ...Object.entries(parameters).map(([name, value]) => `${name} = ${typeof value === "string" ? value : JSON.stringify(value)}`),
    ...Object.entries(inputs).map(([name, file]) => `${shortName(file)} for ${name}`),
  ];
  return others.length > 0 ? `, with ${others.join(", ")}` : "";
}

export function Reruns({ path, inputs, files }: {
  path: PathName;
  /** Recorded inputs, by their names below `inputs/`. */
  inputs: readonly string[];
  /** Files of the workspace that may stand for them. */
  files: readonly string[];
}) {
  const may = useMay().can("rerun");
  const [all, setAll] = useState<readonly Summary[]>([]);
  const [others, setOthers] = useState<Readonly<Record<string, string>>>({});
  const [parameters, setParameters] = useState<readonly Parameter[]>([]);
  /** Values in place of the recorded ones, as they are written. */
  const [values, setValues] = useState<Readonly<Record<string, string>>>({});
  const [twice, setTwice] = useState(false);
  const [open, setOpen] = useState<string | null>(null);
  const [problem, setProblem] = useState<FoundError | null>(null);
  const list = useCallback(() => api.reruns(path).then((found) => setAll(found.reruns)), [path]);
  const work = useCallback((what: Promise<unknown>) => {
    setProblem(null);
    what.then(list).catch((error: unknown) => setProblem(foundError(error)));
  }, [list]);
  useEffect(() => work(api.parameters(path).then((found) => setParameters(found.parameters))), [work, path]);
  const changed = Object.fromEntries(
    parameters.flatMap(({ name, value }) => (name in values && values[name] !== value ? [[name, values[name]]] : [])),
  );
  const start = () => {
    const chosen = Object.fromEntries(Object.entries(others).filter(([, file]) => file));
    work(api.rerun(path, { parameters: changed, twice, inputs: chosen }).then((made) => setOpen(made.id)));
  };
  const underWay = all.some((each) => UNDER_WAY.includes(each.status));
  useEffect(() => {
    if (!underWay) return;
    const timer = setInterval(() => void list().catch(() => undefined), LOOK_MS);
    return () => clearInterval(timer);
  }, [underWay, list]);
  return (
    <details className="reviews reruns">
      <summary>Run again and compare{all.length > 0 ? `: ${count(all.length, "re-run")}` : ""}</summary>
      <p className="quiet">{may ? "In a fresh kernel, on the recorded files; yours stay as they are." : "Your role can’t run it again; what re-runs found is here."}</p>
      {may && parameters.map((each) => (
        <ParameterInput key={each.name} parameter={each} value={values[each.name] ?? each.value} set={(value) => setValues({ ...values, [each.name]: value })} />
      ))}
      {may && inputs.map((name) => (
        <label key={name} className="rerun-input">
          <span className="breakable">{name}</span>
          <select className="plain-input" value={others[name] ?? ""} onChange={(event) => setOthers({ ...others, [name]: event.target.value })}>
            <option value="">as recorded</option>
            {files.map((file) => <option key={file} value={file}>{shortName(file)} instead</option>)}
          </select>
        </label>
      ))}
      {may && <label className="check">
        <input type="checkbox" checked={twice} onChange={(event) => setTwice(event.target.checked)} /> Twice: what differs in each run does not count
      </label>}
      {may && <div className="buttons">
        <Button size="small" className="rerun" icon={<ArrowSyncRegular />} onClick={start}>
          {Object.keys(changed).length > 0 ? `Run again with ${count(Object.keys(changed).length, "other value")}` : "Run again"}
        </Button>
        {Object.keys(changed).length > 0 && <Button size="small" appearance="subtle" onClick={() => setValues({})}>As recorded</Button>}
      </div>}
      {problem && <ErrorCard error={problem} />}
      <ul className="trace-list">
        {all.map((each) => (
          <li key={each.id}>
            <div className="line">
              <Mark rerun={each} />
              <button type="button" className="link grow" aria-expanded={open === each.id} onClick={() => setOpen(open === each.id ? null : each.id)}>
                {standing(each)} <span className="quiet">{moment(each.at)}{withWords(each)}</span>
              </button>
              {may && <Button size="small" appearance="subtle" onClick={() => work(api.dropRerun(path, each.id))}>
                {UNDER_WAY.includes(each.status) ? "Cancel" : "Delete"}
              </Button>}
            </div>
            {open === each.id && <Report path={path} rerun={each} />}
          </li>
        ))}
      </ul>
    </details>
  );
}

const KINDS: Record<Parameter["kind"], string> = {
  text: "text", "yes-or-no": "yes or no", "whole-number": "whole number", number: "number", list: "list", mapping: "mapping",
  none: "nothing yet", computed: "computed by the code", other: "only the code can set it",
};

/** One constant of the requests: its recorded value, and another in its place. */
function ParameterInput({ parameter: { name, kind, value: recorded }, value, set }: { parameter: Parameter; value: string; set: (value: string) => void }) {
  const fixed = kind === "computed" || kind === "other";
  const other = value !== recorded;
  return (
    <label className="rerun-input parameter" data-parameter={name}>
      <span className="breakable">
        <code>{name}</code> <span className="quiet">{KINDS[kind]}{other && `; recorded: ${recorded}`}</span>
      </span>
      {kind === "yes-or-no" ? (
        <select className="plain-input" value={value} onChange={(event) => set(event.target.value)}>
          <option value="true">yes</option>
          <option value="false">no</option>
        </select>
      ) : (
        <input
          className="plain-input"
          value={value}
          disabled={fixed}
          inputMode={kind === "number" || kind === "whole-number" ? "decimal" : undefined}
          onChange={(event) => set(event.target.value)}
        />
      )}
    </label>
  );
}

function Mark({ rerun }: { rerun: Summary }) {
  if (UNDER_WAY.includes(rerun.status)) return <ArrowSyncRegular className="quiet" />;
  if (rerun.verdict === "reproduced") return <CheckmarkCircleRegular className="good" />;
  return rerun.verdict === "differs" ? <WarningRegular className="warn" /> : <DismissCircleRegular className="quiet" />;
}

/** The verdict on each cell and file that is not the same again, and the whole report. */
function Report({ path, rerun }: { path: PathName; rerun: Summary }) {
  const [found, setFound] = useState<Schemas["Rerun"] | null>(null);
  const [problem, setProblem] = useState<FoundError | null>(null);
  useEffect(() => {
    api.rerunReport(path, rerun.id).then(setFound, (error: unknown) => setProblem(foundError(error)));
  }, [path, rerun.id, rerun.status]);
  if (problem) return <ErrorCard error={problem} />;
  if (found?.error) return <ErrorCard error={found.error} />;
  const report = found?.report;
  if (!report) return null;
  const same = (each: { verdict: Verdict }) => each.verdict === "reproduced";
  return (
    <div className="rerun-report">
      <p className="quiet">
        {count(report.cells.filter(same).length, "cell")} of {report.cells.length} and {count(report.files.filter(same).length, "file")} of {report.files.length} are the same.
      </p>
      <ul>
        {report.cells.filter((each) => !same(each)).map((each) => (
          <li key={each.cell_id} className="breakable">Cell {each.cell}: {VERDICTS[each.verdict]}. {each.detail}</li>
        ))}
        {report.files.filter((each) => !same(each)).map((each) => (
          <li key={each.name} className="breakable">{shortName(each.name)}: {VERDICTS[each.verdict]}. {each.detail}</li>
        ))}
      </ul>
      <Button as="a" size="small" icon={<ArrowDownloadRegular />} href={rerunReportAddress(path, rerun.id)} download={`rerun-${rerun.id}.html`}>Report</Button>
    </div>
  );
}
