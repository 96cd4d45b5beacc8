import { Button, Dialog, DialogActions, DialogBody, DialogContent, DialogSurface, DialogTitle } from "@fluentui/react-components";

/** A request whose undo would remove data. */
export interface Asked {
  turn: string;
  /** What would be lost, in the service's words. */
  why: string;
}

/** Asks before an undo removes data. */
export function UndoDialog({ asked, close, undo }: { asked: Asked; close: () => void; undo: () => void }) {
  return (
    <Dialog open modalType="alert" onOpenChange={(_, data) => !data.open && close()}>
      <DialogSurface className="small-dialog">
        <DialogBody>
          <DialogTitle as="h2">Undo this request?</DialogTitle>
          <DialogContent>
            <p className="breakable">{asked.why}</p>
          </DialogContent>
          <DialogActions>
            <Button onClick={close}>Keep</Button>
            <Button appearance="primary" className="confirm-undo" onClick={undo}>Undo</Button>
          </DialogActions>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  );
}
