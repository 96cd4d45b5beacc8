import type { Schemas } from "../api/events";
import { count } from "../parts/words";

/** How long the service keeps what, in sentences. */
export function keptWords({ retention }: Pick<Schemas["Health"], "retention">): string[] {
  const { conversation_days, checkpoint_days, checkpoints, kernel_idle_seconds } = retention;
  const days = (number: number) => count(number, "day");
  return [
    conversation_days > 0
      ? `Conversations with their files and notebooks: until nothing has happened in them for ${days(conversation_days)}.`
      : "Conversations with their files and notebooks: until you delete them.",
    checkpoints === 0
      ? "Earlier states of files: none, so that requests can't be undone."
      : `Earlier states of files: the last ${count(checkpoints, "checkpoint")} of a path${checkpoint_days > 0 ? `, for ${days(checkpoint_days)}` : ""}.`,
    `Variables: while they are used; after ${count(Math.round(kernel_idle_seconds / 60), "minute")} without use the next step makes them again.`,
  ];
}
