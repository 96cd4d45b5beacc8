import { Button, Dialog, DialogActions, DialogBody, DialogContent, DialogSurface, DialogTitle } from "@fluentui/react-components";
import { useState } from "react";
import { api, type PathName } from "../api/client";
import type { FoundError } from "../api/events";
import { ErrorCard } from "../chat/cards";
import { foundError } from "../state/path_store";

/** An undo that waits for a yes: it would remove files that hold data. */
export interface AskedUndo {
  turn: string;
  refusal: FoundError;
}

/** Names of files in the lists of a refusal. */
export function namesIn(details: unknown): string[] {
  const lists = Object.values((details ?? {}) as Record<string, unknown>).filter(Array.isArray);
  const names = lists.flat().map((each) => (typeof each === "string" ? each : String((each as { name?: unknown })?.name ?? "")));
  return [...new Set(names.filter(Boolean))];
}

/** Ask before an undo removes files that hold data. */
export function UndoDialog({ path, asked, close }: { path: PathName; asked: AskedUndo; close: () => void }) {
  const [problem, setProblem] = useState<FoundError | null>(null);
  const [busy, setBusy] = useState(false);
  const undo = () => {
    setBusy(true);
    void api.undo(path, asked.turn, true).then(close, (error: unknown) => {
      setBusy(false);
      setProblem(foundError(error));
    });
  };
  return (
    <Dialog open modalType="alert" onOpenChange={(_, data) => !data.open && close()}>
      <DialogSurface className="small-dialog">
        <DialogBody>
          <DialogTitle as="h2">Undo this request?</DialogTitle>
          <DialogContent>
            <p className="breakable">{asked.refusal.message}</p>
            <ul>
              {namesIn(asked.refusal.details).map((name) => (
                <li key={name} className="breakable">{name}</li>
              ))}
            </ul>
            {problem && <ErrorCard error={problem} />}
          </DialogContent>
          <DialogActions>
            <Button onClick={close}>Keep</Button>
            <Button appearance="primary" className="confirm-undo" disabled={busy} onClick={undo}>Undo</Button>
          </DialogActions>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  );
}
