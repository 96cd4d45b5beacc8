import {
  Button, Dialog, DialogActions, DialogBody, DialogContent, DialogSurface, DialogTitle, Spinner,
} from "@fluentui/react-components";
import { useCallback, useEffect, useState } from "react";
import { api } from "../api/client";
import type { FoundError, Schemas } from "../api/events";
import { ErrorCard } from "../chat/cards";
import { foundError } from "../state/path_store";
import { moment } from "./words";

/** What is always allowed, and how to take it back. */
export function PermissionsDialog({ close }: { close: () => void }) {
  const [grants, setGrants] = useState<readonly Schemas["Grant"][] | null>(null);
  const [problem, setProblem] = useState<FoundError | null>(null);
  const failed = (error: unknown) => setProblem(foundError(error));
  const list = useCallback(() => void api.grants().then((found) => setGrants(found.grants), failed), []);
  useEffect(list, [list]);
  const revoke = (id: string) => void api.revoke(id).then(list, failed);
  return (
    <Dialog open onOpenChange={(_, data) => !data.open && close()}>
      <DialogSurface className="small-dialog">
        <DialogBody>
          <DialogTitle as="h2">Always allowed</DialogTitle>
          <DialogContent>
            {problem && <ErrorCard error={problem} />}
            {grants === null && !problem && <Spinner size="tiny" />}
            {grants?.length === 0 && <p className="quiet">Nothing: code asks each time.</p>}
            <ul className="grants">
              {(grants ?? []).map((grant) => (
                <li key={grant.id} className="line">
                  <span className="grow breakable">
                    {grant.capability} <span className="quiet">since {moment(grant.created_at)}</span>
                  </span>
                  <Button size="small" className="revoke" onClick={() => revoke(grant.id)} aria-label={`Revoke ${grant.capability}`}>
                    Revoke
                  </Button>
                </li>
              ))}
            </ul>
          </DialogContent>
          <DialogActions>
            <Button appearance="primary" onClick={close}>Close</Button>
          </DialogActions>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  );
}
