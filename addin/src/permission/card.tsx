// What code that waits for a decision would reach, what would leave, and what each choice covers.
import { Button } from "@fluentui/react-components";
import { CheckmarkCircleRegular, DismissCircleRegular, ShieldQuestionRegular } from "@fluentui/react-icons";
import { type ReactNode, useState } from "react";
import { api } from "../api/client";
import type { AskedCall, FoundError, PermissionRequired } from "../api/events";
import { ErrorCard } from "../chat/cards";
import { Code } from "../parts/code";
import { PlanSteps } from "../modes/plan";
import { elapsed, momentAhead, useNow } from "../parts/words";
import { useMay } from "../state/may";
import type { PermissionStep } from "../state/model";
import { foundError } from "../state/path_store";
import { UntilChoice } from "./until";
import { addressParts, covered, leaving, reached, reasons, summary } from "./words";

type Decision = "once" | "always" | "until" | "deny";
const DECIDED: Record<string, string> = {
  once: "Allowed once",
  always: "Always allowed",
  until: "Allowed",
  deny: "Denied",
  timeout: "No reply in time: denied",
};

export function PermissionCard({ step, asker }: {
  step: PermissionStep;
  /** The user whose request it is: only they can allow it for longer. */
  asker: string;
}) {
  return step.decision === null ? <Question asked={step.asked} asker={asker} /> : <Decided step={step} decision={step.decision} />;
}

function Decided({ step, decision }: { step: PermissionStep; decision: string }) {
  const allowed = decision === "once" || decision === "always" || decision === "until";
  const until = decision === "until" && step.until !== null ? ` until ${momentAhead(step.until)}` : "";
  return (
    <p className="line">
      {allowed ? <CheckmarkCircleRegular className="good" /> : <DismissCircleRegular className="quiet" />}
      <span className="breakable">
        {DECIDED[decision] ?? "Not decided"}{until}{step.who ? ` by ${step.who}` : ""}: {summary(step.asked)}
      </span>
    </p>
  );
}

function Question({ asked, asker }: { asked: PermissionRequired; asker: string }) {
  const { user, can } = useMay();
  const own = user === null || user === asker;
  const [sent, setSent] = useState<Decision | null>(null);
  const [choosing, setChoosing] = useState(false);
  const [problem, setProblem] = useState<FoundError | null>(null);
  const reply = async (decision: Decision, until?: Date) => {
    setSent(decision);
    setProblem(null);
    await api.decide(asked.id, decision, until).catch((error: unknown) => {
      setSent(null);
      setProblem(foundError(error));
    });
  };
  const button = { disabled: sent !== null };
  const { title, once } = questionOf(asked);
  const plan = (asked.plan ?? []).filter((each) => each.status !== "done");
  // Where a mode asks alone, there is nothing that a standing permission could cover.
  const standing = own && asked.capabilities.length > 0;
  return (
    <section className="card permission" role="group" aria-label="Permission needed">
      <h3>
        <ShieldQuestionRegular /> {title}
      </h3>
      {reasons(asked).map((reason) => <p key={reason} className="breakable">{reason}</p>)}
      {plan.length > 0 && <PlanSteps steps={plan} />}
      <Facts asked={asked} />
      <details open={Boolean(asked.mode)}>
        <summary>The code that waits</summary>
        <Code code={asked.preview} />
      </details>
      {!can("run") && <p className="quiet">Your role can’t decide this. {asker} can, and everybody else who may run code here.</p>}
      {can("run") && !own && <p className="quiet">{asker} asked for it: only they can allow it for longer than once.</p>}
      {can("run") && <div className="buttons">
        <Button {...button} appearance="primary" className="once" onClick={() => void reply("once")}>{once}</Button>
        {standing && <Button {...button} className="until-some-time" aria-expanded={choosing} onClick={() => setChoosing(!choosing)}>Allow until …</Button>}
        {standing && <Button {...button} className="always" onClick={() => void reply("always")}>Always allow</Button>}
        <Button {...button} className="deny" onClick={() => void reply("deny")}>Deny</Button>
      </div>}
      {choosing && <UntilChoice disabled={sent !== null} choose={(until) => void reply("until", until)} />}
      <TimeLeft ends={asked.expires_at * 1000} />
      {problem && <ErrorCard error={problem} />}
    </section>
  );
}

/** What is asked, and what a yes is called: a mode asks for code of any risk. */
function questionOf({ mode, plan }: PermissionRequired): { title: string; once: string } {
  if (mode === "preview") return plan?.length ? { title: "Run this plan?", once: "Run the plan" } : { title: "Run this code?", once: "Run it" };
  if (mode === "step") return { title: "Take this step?", once: "Run it" };
  return { title: "Allow this?", once: "Allow once" };
}

function Facts({ asked }: { asked: PermissionRequired }) {
  const { files, libraries, others } = reached(asked);
  const calls = asked.network ?? [];
  return (
    <dl className="facts">
      {calls.length > 0 && <Fact name="Addresses">{calls.map((call, place) => <Address key={place} call={call} />)}</Fact>}
      {calls.length > 0 && <Fact name="What leaves">{[...new Set(calls.map(leaving))].map((words) => <p key={words}>{words}</p>)}</Fact>}
      {files.length > 0 && <Fact name="Files">{files.map((name) => <p key={name}>{name}</p>)}</Fact>}
      {libraries.length > 0 && <Fact name={libraries.length === 1 ? "Library" : "Libraries"}>{libraries.join(", ")}</Fact>}
      {others.length > 0 && <Fact name="Reaches">{others.join(", ")}</Fact>}
      {asked.capabilities.length > 0 && (
        <Fact name="“Always” covers">
          {covered(asked).map((words) => <p key={words}>{words}</p>)}
          <p className="quiet">In all your conversations, until you revoke it in the settings.</p>
        </Fact>
      )}
    </dl>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

function Address({ call }: { call: AskedCall }) {
  const parts = addressParts(call);
  return (
    <p>
      <span className="method">{call.method}</span>{" "}
      {parts === null ? (
        "an address that only the running code knows; none that you have not allowed by name"
      ) : (
        <>
          <span className="address">{parts.before}<strong>{parts.host}</strong>{parts.path}</span>{" "}
          <span className="quiet">{call.exact ? "this address alone" : "and every address below it"}</span>
        </>
      )}
    </p>
  );
}

function TimeLeft({ ends }: { ends: number }) {
  const left = ends - useNow(true);
  return <p className="quiet">{left > 0 ? `Without a reply it is denied in ${elapsed(left + 999)}.` : "The time is over."}</p>;
}
