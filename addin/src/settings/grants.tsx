import { Button, Spinner } from "@fluentui/react-components";
import { useCallback, useEffect, useState } from "react";
import { api } from "../api/client";
import type { FoundError, Schemas } from "../api/events";
import { ErrorCard } from "../chat/cards";
import { legible } from "../permission/words";
import { moment, momentAhead } from "../parts/words";
import { foundError } from "../state/path_store";

type Grant = Schemas["Grant"];

const KINDS: readonly [string, string][] = [
  ["network", "Network"],
  ["library", "Libraries"],
  ["path", "Files"],
];

/** *grants* by kind, with a heading for each that has any. */
export function grouped(grants: readonly Grant[]): [string, Grant[]][] {
  const known = new Set(KINDS.map(([kind]) => kind));
  const groups = KINDS.map(([kind, heading]): [string, Grant[]] => [heading, grants.filter((each) => each.kind === kind)]);
  groups.push(["Others", grants.filter((each) => !known.has(each.kind))]);
  return groups.filter(([, held]) => held.length > 0);
}

/** Hosts that code may call without being asked for. */
export function permittedHosts(grants: readonly Grant[]): string[] {
  const hosts = grants.flatMap((grant) => {
    const address = grant.kind === "network" ? /\bhttps?:\/\/[^/\s]+/.exec(grant.capability)?.[0] : undefined;
    return address ? [address] : [];
  });
  return [...new Set(hosts)].sort();
}

/** What is allowed without a question, until when, and how to take it back. */
export function Grants() {
  const [grants, setGrants] = useState<readonly Grant[] | null>(null);
  const [problem, setProblem] = useState<FoundError | null>(null);
  const failed = (error: unknown) => setProblem(foundError(error));
  const list = useCallback(() => void api.grants().then((found) => setGrants(found.grants), failed), []);
  useEffect(list, [list]);
  const revoke = (id: string) => void api.revoke(id).then(list, failed);
  if (grants === null) return problem ? <ErrorCard error={problem} /> : <Spinner size="tiny" />;
  const hosts = permittedHosts(grants);
  return (
    <>
      {problem && <ErrorCard error={problem} />}
      <p className="hosts breakable">
        {hosts.length > 0 ? <>Code may call without a question: <strong>{hosts.map(legible).join(", ")}</strong></> : "No host of the network may be called without a question."}
      </p>
      {grants.length === 0 && <p className="quiet">Nothing is allowed for good: code asks each time.</p>}
      {grouped(grants).map(([heading, held]) => (
        <div key={heading}>
          <h4 className="group">{heading}</h4>
          <ul className="grants">
            {held.map((grant) => (
              <li key={grant.id} className="line">
                <span className="grow breakable">
                  {legible(grant.covers)}
                  <span className="quiet grant-time">
                    Since {moment(grant.created_at)}, {grant.expires_at === null ? "until you revoke it" : `until ${momentAhead(Date.parse(grant.expires_at))}`}
                  </span>
                </span>
                <Button size="small" className="revoke" onClick={() => revoke(grant.id)} aria-label={`Revoke ${grant.covers}`}>Revoke</Button>
              </li>
            ))}
          </ul>
        </div>
      ))}
    </>
  );
}
