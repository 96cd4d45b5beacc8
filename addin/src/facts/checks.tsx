// What was found in the files a request wrote: one line, green or amber, that opens.
import { CheckmarkCircleRegular, QuestionCircleRegular, WarningRegular } from "@fluentui/react-icons";
import type { CheckFinding } from "../api/events";
import { count, shortName } from "../parts/words";
import type { Check, TieOut } from "../state/model";

export type Tone = "good" | "open" | "warn";

/** The line for all of it, and whether there is something to look at. */
export function verdict(checks: readonly Check[], tieOuts: readonly TieOut[]): { tone: Tone; words: string } | null {
  if (checks.length === 0 && tieOuts.length === 0) return null;
  const found = [...checks, ...tieOuts].reduce((sum, each) => sum + each.findings.length, 0);
  const suspicious = tieOuts.some((each) => each.status === "suspicious");
  if (found > 0 || suspicious) {
    const what = suspicious ? ["Rows or sums are suspicious"] : [];
    return { tone: "warn", words: [`${count(Math.max(found, 1), "thing")} to look at`, ...what].join(". ") };
  }
  const opened = checks.length > 0 ? ["Opened and checked: nothing wrong"] : [];
  const untied = tieOuts.find((each) => each.status === "not-tied-out");
  if (untied) return { tone: "open", words: [...opened, `Not tied out: ${untied.why || untied.line}`].join(". ") };
  return { tone: "good", words: [...opened, ...(tieOuts.length > 0 ? ["Rows and sums tie out"] : [])].join(". ") };
}

/** What a workbook lost, each part alone; null if *finding* is about something else. */
export function lostParts(finding: CheckFinding): string[] | null {
  const cut = finding.code === "parts-lost" ? finding.message.lastIndexOf(" the file lost ") : -1;
  if (cut < 0) return null;
  return finding.message.slice(cut + " the file lost ".length).replace(/\.$/, "").split(/, (?=\d+ )/);
}

export function CheckLine({ checks, tieOuts }: { checks: readonly Check[]; tieOuts: readonly TieOut[] }) {
  const found = verdict(checks, tieOuts);
  if (found === null) return null;
  return (
    <details className={`checks tie-out tone-${found.tone}`}>
      <summary className="breakable">
        <ToneIcon tone={found.tone} />
        {found.words}
      </summary>
      {tieOuts.map((each, place) => <TieOutFacts key={place} tieOut={each} />)}
      {checks.map((each) => <CheckFacts key={each.name} check={each} />)}
    </details>
  );
}

export function ToneIcon({ tone }: { tone: Tone }) {
  if (tone === "good") return <CheckmarkCircleRegular className="good" />;
  return tone === "open" ? <QuestionCircleRegular className="quiet" /> : <WarningRegular className="warn" />;
}

function CheckFacts({ check }: { check: Check }) {
  return (
    <section>
      <h4 className="breakable">{shortName(check.name)}</h4>
      <ul>
        {check.findings.map((finding, place) => <Finding key={place} finding={finding} />)}
        {check.findings.length === 0 && <li>It opens, and nothing in it is wrong.</li>}
        {check.computed && <li className="breakable">{check.computed}</li>}
      </ul>
    </section>
  );
}

function Finding({ finding }: { finding: CheckFinding }) {
  const parts = lostParts(finding);
  return (
    <li className="breakable">
      {parts === null ? finding.message : finding.message.slice(0, finding.message.lastIndexOf(" the file lost ")) + " the file lost:"}{" "}
      {parts && <ul>{parts.map((part) => <li key={part}>{part}</li>)}</ul>}
      {finding.hint && <span className="quiet">{finding.hint}</span>}
    </li>
  );
}

const amount = (value: number): string => value.toLocaleString(undefined, { maximumFractionDigits: 2 });

/** Rows and sums of a result against what was read. */
function TieOutFacts({ tieOut }: { tieOut: TieOut }) {
  return (
    <section>
      <h4 className="breakable">{tieOut.written.length > 0 ? `Rows and sums of ${tieOut.written.map(shortName).join(", ")}` : "Rows and sums"}</h4>
      <ul>
        {tieOut.line && <li className="breakable">{tieOut.line}</li>}
        {tieOut.findings.map((finding, place) => <Finding key={`finding-${place}`} finding={finding} />)}
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
    </section>
  );
}
