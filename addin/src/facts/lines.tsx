// Facts of a request in one line each, which opens.
import { ArrowSyncRegular, EyeOffRegular, GlobeRegular, WarningRegular } from "@fluentui/react-icons";
import { Button } from "@fluentui/react-components";
import type { EgressFinding, NetworkCalled } from "../api/events";
import { count, size } from "../parts/words";
import type { AnswerCheck, CellStep, HeldBackStep, NetworkStep, RedactedStep } from "../state/model";

const KINDS: Record<EgressFinding["kind"], [string, string]> = {
  secret: ["password, key or token", "passwords, keys or tokens"],
  card: ["payment card number", "payment card numbers"],
  iban: ["bank account (IBAN)", "bank accounts (IBAN)"],
  "national-id": ["identity number", "identity numbers"],
  email: ["e-mail address", "e-mail addresses"],
  phone: ["telephone number", "telephone numbers"],
};
const ACTIONS: Record<EgressFinding["action"], string> = { redact: "taken out", block: "all of the output held back", warn: "passed on, and counted" };

const kindOf = (finding: EgressFinding) => {
  const [one, many] = KINDS[finding.kind] ?? [finding.kind, finding.kind];
  return count(finding.count, one, many);
};

/** What was taken out, or went out, in one line. */
export function redactedWords({ towards, findings }: Pick<RedactedStep, "towards" | "findings">): string {
  const kept = findings.filter((each) => each.action !== "warn");
  const whom = towards === "model" ? "the model" : "this page and the notebook";
  return kept.length > 0
    ? `Kept from ${whom}: ${kept.map(kindOf).join(", ")}`
    : `Passed on to ${whom}: ${findings.map(kindOf).join(", ")}`;
}

export function RedactedLine({ step }: { step: RedactedStep }) {
  return (
    <details className="fact">
      <summary className="breakable"><EyeOffRegular /> {redactedWords(step)}</summary>
      <ul>
        {step.findings.map((finding, place) => (
          <li key={place} className="breakable">{kindOf(finding)}: {ACTIONS[finding.action] ?? finding.action} (rule {finding.rule})</li>
        ))}
      </ul>
      <p className="quiet">By the policy for what goes to {step.towards === "model" ? "the model" : "clients and the notebook"}, which the operator sets. The values are kept nowhere.</p>
    </details>
  );
}

const callWords = (call: NetworkCalled): string => {
  const sent = call.request_bytes > 0 ? `, ${size(call.request_bytes)} sent` : "";
  if (call.problem) return `${call.method} ${call.url}: not done. ${call.problem}`;
  return `${call.method} ${call.url}: ${call.status ?? "no answer"}${sent}, ${size(call.response_bytes ?? 0)} received`;
};
const MOST_CALLS = 100;

export function NetworkLine({ step }: { step: NetworkStep }) {
  const [only] = step.calls;
  const failed = step.calls.some((call) => call.problem);
  return (
    <details className="fact">
      <summary className="breakable">
        {failed ? <WarningRegular className="warn" /> : <GlobeRegular />}{" "}
        {step.calls.length === 1 && only ? callWords(only) : `${count(step.calls.length, "call")} of the network`}
      </summary>
      <ul>
        {step.calls.slice(0, MOST_CALLS).map((call, place) => (
          <li key={place} className="breakable">
            {callWords(call)}
            {call.secrets.length > 0 && `. The operator's secret ${call.secrets.join(", ")} was added`}
          </li>
        ))}
      </ul>
      {step.calls.length > MOST_CALLS && <p className="quiet">All of them are in the notebook.</p>}
    </details>
  );
}

/** An answer as it is shown: without the notes below it, which `AnswerCheckLine` has. */
export const withoutNotes = (answer: string, check: AnswerCheck | null): string =>
  check === null ? answer : answer.replace(/(?:\n\n> \*\*Note\.\*\* [^\n]*)+\s*$/, "");

export function AnswerCheckLine({ check }: { check: AnswerCheck }) {
  const words = [
    check.contradicted.length > 0 ? `The checks say otherwise in ${count(check.contradicted.length, "point")}` : "",
    check.unfound.length > 0 ? `Not from a result: ${check.unfound.slice(0, 5).join(", ")}${check.unfound.length > 5 ? " …" : ""}` : "",
  ].filter(Boolean);
  return (
    <details className="fact tone-warn answer-check">
      <summary className="breakable"><WarningRegular className="warn" /> {words.join(". ")}</summary>
      <Contradictions check={check} />
      {check.unfound.length > 0 && (
        <p className="breakable">
          No output, file, request or code has {check.unfound.length === 1 ? "this number" : "these numbers"}: {check.unfound.join(", ")}.
          It may be right all the same, such as a rate that the model knows: check it before you use it.
        </p>
      )}
    </details>
  );
}

export function HeldBackLine({ step }: { step: HeldBackStep }) {
  return (
    <details className="fact">
      <summary className="breakable"><WarningRegular className="warn" /> An answer was held back: the checks say otherwise. The model looks again.</summary>
      <Contradictions check={step.check} />
    </details>
  );
}

function Contradictions({ check }: { check: AnswerCheck }) {
  return (
    <ul>
      {check.contradicted.map((each, place) => (
        <li key={place} className="breakable">The answer says: “{each.claim}”. The checks say: {each.fact}</li>
      ))}
    </ul>
  );
}

/** Says that a cell's results are of an earlier state, and offers to run it again. */
export function StaleNote({ cell, run, show }: {
  cell: CellStep;
  run: ((code: string, language: string) => void) | null;
  show: (cell: string) => void;
}) {
  const { stale } = cell;
  if (stale === null) return null;
  const { again } = stale;
  return (
    <div className="stale" role="note">
      <span className="grow breakable">
        <strong>Out of date.</strong> {stale.reason}
      </span>
      <Button size="small" appearance="subtle" onClick={() => show(stale.by)}>What changed it</Button>
      {again !== null ? (
        <Button size="small" onClick={() => show(again)}>It ran again: show</Button>
      ) : run && (
        <Button size="small" icon={<ArrowSyncRegular />} className="run-again" onClick={() => run(cell.code, cell.language)}>Run it again</Button>
      )}
    </div>
  );
}
