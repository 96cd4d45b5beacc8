import { Badge, Button, Spinner } from "@fluentui/react-components";
import { ChevronDownRegular, ChevronRightRegular, CopyRegular } from "@fluentui/react-icons";
import { memo, useId, useState } from "react";
import { StaleNote } from "../facts/lines";
import { OutputView } from "../outputs/output";
import { Code } from "../parts/code";
import { languageName } from "../terminal/languages";
import { duration, elapsed, useNow } from "../parts/words";
import type { CellStatus, CellStep } from "../state/model";
import type { TurnActions } from "./turn";

const STATUS: Record<CellStatus, [string, "success" | "danger" | "warning" | "informative"]> = {
  written: ["Not run yet", "informative"],
  running: ["Running", "informative"],
  ok: ["Ran", "success"],
  error: ["Failed", "danger"],
  interrupted: ["Stopped", "warning"],
  died: ["Kernel ended", "danger"],
  blocked: ["Refused", "warning"],
  "not-run": ["Not run", "warning"],
};

/** One cell: its code, folded, and what it has shown. */
export const CellView = memo(function CellView({ cell, actions, open = false }: {
  cell: CellStep;
  actions: Pick<TurnActions, "run" | "show">;
  open?: boolean;
}) {
  const [unfolded, setUnfolded] = useState(open);
  const code = useId();
  const lines = cell.code.split("\n").length;
  const [words, colour] = STATUS[cell.status];
  return (
    <section className={`cell cell-${cell.status}`} aria-label="Code and its output" data-cell={cell.id ?? undefined} tabIndex={-1}>
      <div className="cell-bar">
        <Button
          appearance="transparent"
          size="small"
          icon={unfolded ? <ChevronDownRegular /> : <ChevronRightRegular />}
          aria-expanded={unfolded}
          aria-controls={code}
          onClick={() => setUnfolded(!unfolded)}
        >
          {cell.parameters ? "Values of the request" : languageName(cell.language)}, {lines} {lines === 1 ? "line" : "lines"}
        </Button>
        <span className="grow" />
        {cell.number !== null && <span className="quiet">Cell {cell.number}</span>}
        {cell.risk !== null && cell.risk !== "low" && (
          <Badge appearance="tint" color={cell.risk === "high" ? "danger" : "warning"}>
            {cell.risk} risk
          </Badge>
        )}
        <CellState cell={cell} words={words} colour={colour} />
      </div>
      <div id={code} hidden={!unfolded} className="cell-code">
        {unfolded && (
          <>
            <Button
              className="copy"
              size="small"
              appearance="subtle"
              icon={<CopyRegular />}
              aria-label="Copy the code"
              onClick={() => void navigator.clipboard?.writeText(cell.code)}
            />
            <Code code={cell.code} language={cell.language} />
          </>
        )}
      </div>
      <StaleNote cell={cell} run={actions.run} show={actions.show} />
      {cell.findings.length > 0 && cell.risk !== "low" && (
        <ul className="findings">
          {[...new Set(cell.findings.map(({ line, reason }) => `Line ${line}: ${reason}`))].map((words) => (
            <li key={words}>{words}</li>
          ))}
        </ul>
      )}
      {cell.outputs.shown.length > 0 && (
        <div className="outputs">
          {cell.outputs.shown.map((output, place) => (
            <OutputView key={place} output={output} stopped={cell.status === "interrupted"} />
          ))}
        </div>
      )}
      {cell.error !== null && !cell.outputs.shown.some((output) => output.type === "failure") && (
        <div className="failure">
          <p>{cell.error.message}</p>
        </div>
      )}
    </section>
  );
});

function CellState({ cell, words, colour }: {
  cell: CellStep;
  words: string;
  colour: "success" | "danger" | "warning" | "informative";
}) {
  const now = useNow(cell.status === "running");
  if (cell.status === "written") return null;
  if (cell.status === "running") {
    return (
      <span className="running quiet">
        <Spinner size="extra-tiny" aria-hidden="true" />
        {cell.startedAt === null ? words : elapsed(now - cell.startedAt)}
      </span>
    );
  }
  const between = cell.status === "interrupted" ? "after" : "in";
  const quick = cell.seconds === null || cell.seconds < 0.05;
  const time = quick ? "" : ` ${between} ${duration((cell.seconds ?? 0) * 1000)}`;
  return cell.status === "ok" ? (
    <span className="quiet">{words + time}</span>
  ) : (
    <Badge appearance="tint" color={colour}>{words + time}</Badge>
  );
}
