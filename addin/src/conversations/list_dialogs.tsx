// Asked before a conversation is renamed or deleted.
import { Button, Dialog, DialogActions, DialogBody, DialogContent, DialogSurface, DialogTitle, Input } from "@fluentui/react-components";
import { useState } from "react";
import { api } from "../api/client";
import type { FoundError, Schemas } from "../api/events";
import { ErrorCard } from "../chat/cards";
import { foundError } from "../state/path_store";
import { titleOf } from "./title";

type Conversation = Schemas["Conversation"];

export function Rename({ conversation, close, done }: { conversation: Conversation; close: () => void; done: () => void }) {
  const [title, setTitle] = useState(conversation.title);
  const [problem, setProblem] = useState<FoundError | null>(null);
  const save = () =>
    api.rename(conversation.id, title.trim()).then(done, (error: unknown) => setProblem(foundError(error)));
  return (
    <Dialog open onOpenChange={(_, data) => !data.open && close()}>
      <DialogSurface className="small-dialog">
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (title.trim()) void save();
          }}
        >
          <DialogBody>
            <DialogTitle as="h2">Rename the conversation</DialogTitle>
            <DialogContent>
              <Input
                className="wide"
                aria-label="Title"
                value={title}
                maxLength={200}
                onChange={(_, data) => setTitle(data.value)}
              />
              {problem && <ErrorCard error={problem} />}
            </DialogContent>
            <DialogActions>
              <Button onClick={close}>Keep</Button>
              <Button type="submit" appearance="primary" disabled={!title.trim()}>Rename</Button>
            </DialogActions>
          </DialogBody>
        </form>
      </DialogSurface>
    </Dialog>
  );
}

export function Remove({ conversation, close, done }: { conversation: Conversation; close: () => void; done: () => void }) {
  const [problem, setProblem] = useState<FoundError | null>(null);
  const [busy, setBusy] = useState(false);
  const remove = () => {
    setBusy(true);
    void api.remove(conversation.id).then(done, (error: unknown) => {
      setBusy(false);
      setProblem(foundError(error));
    });
  };
  return (
    <Dialog open modalType="alert" onOpenChange={(_, data) => !data.open && close()}>
      <DialogSurface className="small-dialog">
        <DialogBody>
          <DialogTitle as="h2">Delete this conversation?</DialogTitle>
          <DialogContent>
            <p className="breakable">
              “{titleOf(conversation)}” goes with its files, results and notebook. This can’t be undone.
            </p>
            {problem && <ErrorCard error={problem} />}
          </DialogContent>
          <DialogActions>
            <Button onClick={close}>Keep</Button>
            <Button appearance="primary" className="confirm-delete" disabled={busy} onClick={remove}>Delete</Button>
          </DialogActions>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  );
}
