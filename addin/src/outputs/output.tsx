import { memo, useMemo, useState } from "react";
import { joined, LATE, plain, visible, type DisplayOutput, type FailureOutput, type Output, type TextOutput } from "./fold";
import { frameFromHtml } from "./frame";
import { Grid } from "./grid";

const SHOWN_LINES = 400;
const BASE64 = /^[A-Za-z0-9+/=\s]+$/;

export const OutputView = memo(function OutputView({ output, stopped = false }: {
  output: Output;
  /** Somebody stopped the cell: its last error is no failure. */
  stopped?: boolean;
}) {
  if (output.type === "text") return <Text output={output} />;
  if (output.type === "failure") return <Failure output={output} stopped={stopped} />;
  return <Display output={output} />;
});

function Text({ output }: { output: TextOutput }) {
  return (
    <>
      {output.name === LATE && <p className="quiet late">Printed after the code had ended:</p>}
      <Lines text={output.text} className={output.name === "stderr" ? "printed stderr" : "printed"} />
    </>
  );
}

/** Text; of a long one the end, and the rest when it is asked for. */
function Lines({ text, className }: { text: string; className: string }) {
  const [all, setAll] = useState(false);
  const cut = all ? 0 : startOfLast(text, SHOWN_LINES);
  const hidden = cut > 0 ? linesIn(text, cut) : 0;
  const shown = useMemo(() => visible(cut > 0 ? text.slice(cut) : text).replace(/[\r\n]+$/, ""), [text, cut]);
  return (
    <>
      {hidden > 0 && (
        <button type="button" className="more" onClick={() => setAll(true)}>
          Show {hidden.toLocaleString()} earlier lines
        </button>
      )}
      <pre className={className} tabIndex={0} aria-label="Output">
        {shown}
      </pre>
    </>
  );
}

/** How many lines end before *end*. */
function linesIn(text: string, end: number): number {
  let lines = 0;
  for (let at = text.indexOf("\n"); at >= 0 && at < end; at = text.indexOf("\n", at + 1)) lines += 1;
  return lines;
}

function startOfLast(text: string, lines: number): number {
  let at = text.length;
  for (let seen = 0; seen <= lines; seen += 1) {
    at = text.lastIndexOf("\n", at - 1);
    if (at < 0) return 0;
  }
  return at + 1;
}

function Failure({ output, stopped }: { output: FailureOutput; stopped: boolean }) {
  const interrupt = stopped && output.ename === "KeyboardInterrupt";
  return (
    <div className={interrupt ? "failure stopped" : "failure"}>
      {interrupt ? (
        <p>The code was stopped here.</p>
      ) : (
        <p>
          <strong>The code failed{output.evalue ? ": " : ""}</strong>
          {output.evalue} <span className="quiet">({output.ename || "Error"})</span>
        </p>
      )}
      {output.traceback !== "" && (
        <details>
          <summary>Where it happened</summary>
          <pre className="printed" tabIndex={0} aria-label="Traceback">{output.traceback}</pre>
        </details>
      )}
    </div>
  );
}

function pictureOf(data: DisplayOutput["data"]): string | null {
  for (const kind of ["image/png", "image/jpeg", "image/gif"]) {
    const content = kind in data ? joined(data[kind]) : "";
    if (content && BASE64.test(content)) return `data:${kind};base64,${content.replace(/\s/g, "")}`;
  }
  // In an <img> a drawing is a picture: scripts and links in it are dead.
  if ("image/svg+xml" in data) return `data:image/svg+xml;utf8,${encodeURIComponent(joined(data["image/svg+xml"]))}`;
  return null;
}

function Display({ output }: { output: DisplayOutput }) {
  const { data } = output;
  const picture = useMemo(() => pictureOf(data), [data]);
  const frame = useMemo(() => ("text/html" in data ? frameFromHtml(joined(data["text/html"])) : null), [data]);
  const text = "text/plain" in data ? plain(data["text/plain"]) : "";
  if (picture !== null) {
    return <img className="picture" src={picture} alt={text.startsWith("<Figure") || !text ? "Chart" : text} />;
  }
  if (frame !== null) {
    return (
      <Grid header={frame.header} rows={frame.rows} index={frame.index} label="Table" footer={frame.note || undefined} />
    );
  }
  if (text) return <Lines text={text} className="printed" />;
  const kinds = Object.keys(data);
  return kinds.length > 0 ? <p className="quiet">[{kinds.join(", ")}: see the notebook]</p> : null;
}
