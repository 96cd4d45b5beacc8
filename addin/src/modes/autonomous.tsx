import { Button, Dialog, DialogActions, DialogBody, DialogContent, DialogSurface, DialogTitle } from "@fluentui/react-components";
import { useState } from "react";
import type { FoundError, Schemas } from "../api/events";
import { ErrorCard } from "../chat/cards";
import { foundError } from "../state/path_store";
import { autonomousFrom, LONGEST_HOURS, MOST_CELLS } from "./words";

const refusal = (message: string): FoundError => ({ code: "page", message, hint: "", details: {} });

/** What may happen without a question, for how long and for how many cells. */
export function AutonomousDialog({ choose, close }: { choose: (request: Schemas["ModeRequest"]) => Promise<unknown>; close: () => void }) {
  const [scope, setScope] = useState("");
  const [hours, setHours] = useState("1");
  const [cells, setCells] = useState("50");
  const [problem, setProblem] = useState<FoundError | null>(null);
  const begin = () => {
    const request = autonomousFrom(scope, Number(hours), Number(cells), new Date());
    if (typeof request === "string") return setProblem(refusal(request));
    setProblem(null);
    choose(request).then(close, (error: unknown) => setProblem(foundError(error)));
  };
  return (
    <Dialog open onOpenChange={(_, data) => !data.open && close()}>
      <DialogSurface className="small-dialog">
        <DialogBody>
          <DialogTitle as="h2">Work without questions</DialogTitle>
          <DialogContent className="form">
            <p>What you name here runs without a question in this conversation. All else asks as ever; high risk never runs. “Auto” ends it at once.</p>
            <label htmlFor="scope">Needs no question, one a line</label>
            <textarea id="scope" className="plain-input" rows={3} value={scope} placeholder={"library:requests\nnetwork:GET https://api.example.com/v1/*"} onChange={(event) => setScope(event.target.value)} />
            <label htmlFor="hours">For how many hours (at most {LONGEST_HOURS})</label>
            <input id="hours" className="plain-input" type="number" min="0.25" max={LONGEST_HOURS} step="0.25" value={hours} onChange={(event) => setHours(event.target.value)} />
            <label htmlFor="cells">For how many cells (at most {MOST_CELLS})</label>
            <input id="cells" className="plain-input" type="number" min="1" max={MOST_CELLS} value={cells} onChange={(event) => setCells(event.target.value)} />
            {problem && <ErrorCard error={problem} />}
          </DialogContent>
          <DialogActions>
            <Button onClick={close}>Cancel</Button>
            <Button appearance="primary" className="begin-autonomous" onClick={begin}>Begin</Button>
          </DialogActions>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  );
}
