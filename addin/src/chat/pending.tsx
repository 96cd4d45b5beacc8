import { Button } from "@fluentui/react-components";
import { StopRegular } from "@fluentui/react-icons";
import type { Pending } from "../state/model";
import { ErrorCard } from "./cards";
import type { TurnActions } from "./turn";

/** A request that has not begun yet. */
export function PendingView({ pending, ahead, cancel, again, drop }: {
  pending: Pending;
  ahead: number;
  cancel: TurnActions["cancel"];
  again: () => void;
  drop: () => void;
}) {
  const words =
    pending.state === "sending"
      ? "Sending …"
      : ahead === 0
        ? "Next in line …"
        : `Waiting in line, ${ahead} ahead …`;
  return (
    <article className="turn pending" aria-label={pending.request}>
      <div className={pending.kind === "turn" ? "request" : "request code-request"}>{pending.request}</div>
      <div className="work">
        {pending.state === "refused" && pending.error ? (
          <>
            <ErrorCard error={pending.error} retry={again} />
            <Button size="small" appearance="subtle" onClick={drop}>Remove</Button>
          </>
        ) : (
          <div className="progress">
            <span className="grow quiet">{words}</span>
            {cancel && pending.turn !== null && (
              <Button size="small" icon={<StopRegular />} onClick={() => cancel(pending.turn ?? "")}>Cancel</Button>
            )}
          </div>
        )}
      </div>
    </article>
  );
}
