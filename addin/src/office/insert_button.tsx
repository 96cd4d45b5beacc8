import { Button } from "@fluentui/react-components";
import { CheckmarkCircleRegular, TableAddRegular } from "@fluentui/react-icons";
import { useState } from "react";
import type { FoundError } from "../api/events";
import { ErrorCard } from "../chat/cards";
import { foundError } from "../state/path_store";
import { shortName } from "../parts/words";

/** Puts a result into the open workbook, and says what was done. */
export function InsertButton({ name, insert }: { name: string; insert: (name: string) => Promise<string> }) {
  const [busy, setBusy] = useState(false);
  const [done, setDone] = useState<string | null>(null);
  const [problem, setProblem] = useState<FoundError | null>(null);
  const start = () => {
    setBusy(true);
    setProblem(null);
    setDone(null);
    insert(name)
      .then(setDone, (error: unknown) => setProblem(foundError(error)))
      .finally(() => setBusy(false));
  };
  return (
    <>
      <Button icon={<TableAddRegular />} disabled={busy} aria-label={`Insert as new sheets: ${shortName(name)}`} onClick={start}>
        Insert as new sheets
      </Button>
      {done && (
        <p className="line inserted" role="status">
          <CheckmarkCircleRegular className="good" />
          <span className="breakable">{done}</span>
        </p>
      )}
      {problem && <div className="inserted"><ErrorCard error={problem} /></div>}
    </>
  );
}
