import { Spinner } from "@fluentui/react-components";
import { CheckmarkCircleRegular, CircleRegular, DismissCircleRegular, SubtractCircleRegular } from "@fluentui/react-icons";
import type { PlannedStep } from "../api/events";
import { Code } from "../parts/code";

const DONE: Record<PlannedStep["status"], string> = { waiting: "not begun", running: "running", done: "done", failed: "failed", skipped: "left out" };

function Mark({ status }: { status: PlannedStep["status"] }) {
  switch (status) {
    case "done":
      return <CheckmarkCircleRegular className="good" />;
    case "failed":
      return <DismissCircleRegular className="bad" />;
    case "running":
      return <Spinner size="extra-tiny" aria-hidden="true" />;
    case "skipped":
      return <SubtractCircleRegular className="quiet" />;
    default:
      return <CircleRegular className="quiet" />;
  }
}

/** The steps that the model means to take, and how far each is. */
export function PlanSteps({ steps }: { steps: readonly PlannedStep[] }) {
  return (
    <ol className="plan" aria-label="Plan">
      {steps.map((step) => (
        <li key={step.number} className={`line plan-${step.status}`}>
          <Mark status={step.status} />
          <div className="grow breakable">
            {step.number}. {step.title}<span className="visually-hidden"> ({DONE[step.status] ?? step.status})</span>
            {step.code && (
              <details>
                <summary className="quiet">Its code</summary>
                <Code code={step.code} />
              </details>
            )}
          </div>
        </li>
      ))}
    </ol>
  );
}
