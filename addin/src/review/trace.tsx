// Where a cell of a written file comes from: rows, code, inputs.
import { Button, Input, Spinner } from "@fluentui/react-components";
import { BranchForkRegular, CheckmarkCircleRegular, TableRegular, WarningRegular } from "@fluentui/react-icons";
import { useEffect, useRef, useState } from "react";
import { api, type PathName } from "../api/client";
import type { FoundError, Schemas } from "../api/events";
import { ErrorCard } from "../chat/cards";
import { Code } from "../parts/code";
import { moment, shortName } from "../parts/words";
import { currentWorkbook } from "../office/workbook";
import { foundError } from "../state/path_store";
import { type Asked, NOTHING_ASKED } from "./asked";
import { firstCell, type Origin, originOf, placeOf, rowsWords, shownValue, type Source } from "./origin";

type Found = Schemas["CellTrace"];

/** Files that code wrote: only they can be traced. */
export const traceable = (files: readonly Schemas["File"][]): string[] =>
  files.map((file) => file.name).filter((name) => !/^(inputs|excel)\//.test(name) && /\.(xlsx|xlsm|xltx|xltm|csv|tsv)$/i.test(name));

export interface TraceActions {
  show: (cell: string) => void;
  preview: (name: string) => void;
}

export function TraceView({ path, files, asked, setAsked, selected, actions }: {
  path: PathName;
  files: readonly Schemas["File"][];
  asked: Asked;
  setAsked: (asked: Asked) => void;
  /** Address of what is selected in Excel; null outside it. */
  selected: string | null;
  actions: TraceActions;
}) {
  const names = traceable(files);
  const [workbook, setWorkbook] = useState<string | null>(null);
  const inside = selected !== null;
  useEffect(() => {
    if (inside) currentWorkbook().then((found) => setWorkbook(found.name), () => undefined);
  }, [inside]);
  const file = names.includes(asked.file) ? asked.file : (names.find((name) => shortName(name) === workbook) ?? names.at(-1) ?? "");
  const [problem, setProblem] = useState<FoundError | null>(null);
  const latest = useRef(0);
  const trace = async (cell: string) => {
    const number = (latest.current += 1);
    const current = () => latest.current === number;
    let found: Found | null = null;
    setProblem(null);
    setAsked({ file, cell, found, reading: true });
    try {
      // The record alone answers in milliseconds; the rows need the files.
      found = await api.trace(path, file, cell, false);
      if (!current()) return;
      setAsked({ file, cell, found, reading: true });
      found = await api.trace(path, file, cell, true);
    } catch (error) {
      if (current()) setProblem(foundError(error));
    } finally {
      if (current()) setAsked({ file, cell, found, reading: false });
    }
  };
  useEffect(() => {
    if (asked.reading) void trace(asked.cell); // the user left before all of it was here
    return () => void (latest.current += 1);
  }, []);
  const inExcel = selected === null ? null : firstCell(selected);
  if (names.length === 0) {
    return <p className="quiet empty">No file was written here yet. Once a request has made one, you can ask where each of its cells comes from.</p>;
  }
  return (
    <div className="trace">
      <form
        className="trace-form"
        onSubmit={(event) => {
          event.preventDefault();
          if (asked.cell.trim()) void trace(asked.cell.trim());
        }}
      >
        <select aria-label="File" className="plain-input trace-file" value={file} onChange={(event) => setAsked({ ...NOTHING_ASKED, cell: asked.cell, file: event.target.value })}>
          {names.map((name) => <option key={name} value={name}>{shortName(name)}</option>)}
        </select>
        <Input id="trace-cell" className="trace-cell" aria-label="Cell" placeholder="Pivot!C7" value={asked.cell} onChange={(_, data) => setAsked({ file, cell: data.value, found: null, reading: false })} />
        <Button type="submit" appearance="primary" icon={<BranchForkRegular />} disabled={asked.reading || !asked.cell.trim()}>Trace</Button>
        {inExcel && <Button className="trace-selected" onClick={() => void trace(inExcel)}>Selected: {inExcel}</Button>}
      </form>
      {problem && <ErrorCard error={problem} />}
      {asked.reading && asked.found === null && <Spinner size="tiny" label="Following the record" />}
      {asked.found && <TraceFound found={asked.found} reading={asked.reading} actions={actions} />}
    </div>
  );
}

/** What a trace has found. */
export function TraceFound({ found, reading, actions }: { found: Found; reading: boolean; actions: TraceActions }) {
  const { writer } = found;
  const origin = originOf(found.origin);
  return (
    <div className="traced">
      <section className="card">
        <h3 className="breakable">
          {placeOf(found.sheet, found.cell)}{found.origin.value === undefined ? "" : ` = ${shownValue(found.origin.value)}`}
        </h3>
        <p className="breakable">
          Written by cell {writer.number}, {moment(writer.started)}, {writer.model ? `code by ${writer.model}` : "code sent by a user"}
          {writer.request ? <>, asked for: “{writer.request}”</> : null}
        </p>
        <ToCell cell={writer.id} number={writer.number} actions={actions} />
      </section>
      {reading && <Spinner size="tiny" label="Reading the files for the rows" />}
      {origin && (
        <section>
          <h3 className="group">Where the value comes from</h3>
          <OriginView origin={origin} actions={actions} />
        </section>
      )}
      {found.notes.map((note) => <p key={note} className="line"><WarningRegular className="warn" /> <span className="breakable">{note}</span></p>)}
      <section>
        <h3 className="group">Read on the way</h3>
        {found.inputs.length === 0 && <p className="quiet">No table.</p>}
        <ul className="trace-list">
          {found.inputs.map((input, place) => (
            <li key={place} className="breakable">
              <FileName name={input.file} sheet={input.sheet} actions={actions} />
              {input.columns.length > 0 && <span className="quiet"> {input.columns.join(", ")}</span>}
              {input.written_by !== null && <span className="quiet"> written by cell {input.written_by}</span>}
              {input.changed === true && <span className="warn"> has changed since</span>}
              {input.changed === null && <span className="warn"> is not there any more</span>}
            </li>
          ))}
        </ul>
      </section>
      <section>
        <h3 className="group">The code on the way</h3>
        <Steps steps={found.steps} actions={actions} />
      </section>
    </div>
  );
}

function ToCell({ cell, number, actions }: { cell: string; number: number; actions: TraceActions }) {
  return (
    <Button size="small" className="to-cell" onClick={() => actions.show(cell)}>
      <span>Show<span className="visually-hidden"> cell {number}</span> in the chat</span>
    </Button>
  );
}

/** The statements, those of one cell together. */
function Steps({ steps, actions }: { steps: Found["steps"]; actions: TraceActions }) {
  const cells: Found["steps"][] = [];
  for (const step of steps) {
    const last = cells.at(-1);
    if (last?.[0]?.id === step.id) last.push(step);
    else cells.push([step]);
  }
  return cells.map((group) => {
    const [first] = group;
    return first && (
      <div key={`${first.id}-${first.line}`} className="trace-step">
        <div className="line">
          <span className="grow">Cell {first.cell}</span>
          <ToCell cell={first.id} number={first.cell} actions={actions} />
        </div>
        <Code code={group.map((step) => step.code).join("\n")} />
      </div>
    );
  });
}

function OriginView({ origin, actions }: { origin: Origin; actions: TraceActions }) {
  switch (origin.kind) {
    case "rows":
      return (
        <>
          <p className="breakable">{origin.made}</p>
          <ul className="trace-list">
            {origin.sources.map((source, place) => <SourceLine key={place} source={source} actions={actions} />)}
          </ul>
          {origin.reason && <p className="quiet breakable">{origin.reason}</p>}
        </>
      );
    case "formula":
      return (
        <>
          <p className="breakable">Formula <code className="inline-code">={origin.formula}</code></p>
          <ul className="trace-list">
            {origin.areas.map((area, place) => (
              <li key={place} className="breakable">
                <details>
                  <summary>reads {area.place}: {area.filled.toLocaleString()} filled {area.filled === 1 ? "cell" : "cells"}</summary>
                  {area.cells.map((cell) => (
                    <div key={cell.place} className="trace-branch">
                      <strong>{cell.place} = {cell.value}</strong>
                      <OriginView origin={cell} actions={actions} />
                    </div>
                  ))}
                  {area.cells.length < area.filled && <p className="quiet">Of the others only their number is known.</p>}
                </details>
              </li>
            ))}
          </ul>
          {origin.reason && <p className="quiet breakable">{origin.reason}</p>}
        </>
      );
    case "constant":
      return <p className="breakable">{origin.reason} Cell {origin.cell}, line {origin.line}.</p>;
    default:
      return <p className="breakable">{origin.reason || "Nothing is known of it."}</p>;
  }
}

function SourceLine({ source, actions }: { source: Source; actions: TraceActions }) {
  return (
    <li className="breakable">
      {source.checked ? <CheckmarkCircleRegular className="good" /> : <WarningRegular className="warn" />}{" "}
      <FileName name={source.file} sheet={source.sheet} actions={actions} />: {rowsWords(source)}
      <span className="quiet">
        {source.columns.length > 0 && ` Columns ${source.columns.join(", ")}.`}
        {source.checked ? " Computed again from these rows: the same." : " Not computed again: the code used these rows."}
      </span>
    </li>
  );
}

function FileName({ name, sheet, actions }: { name: string; sheet: string; actions: TraceActions }) {
  return (
    <button type="button" className="link" onClick={() => actions.preview(name)} title="Show its rows">
      <TableRegular /> {shortName(name)}{sheet && `, ${sheet}`}
    </button>
  );
}
