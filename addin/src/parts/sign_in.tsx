import { Button, Input } from "@fluentui/react-components";
import { useState } from "react";
import { signIn } from "../api/client";
import type { FoundError } from "../api/events";
import { ErrorCard } from "../chat/cards";
import { foundError } from "../state/path_store";

/** Asks for an access token, when there is none or it has ended. */
export function SignIn({ ended, done }: { ended: boolean; done: () => void }) {
  const [token, setToken] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<FoundError | null>(null);
  const enter = () => {
    setBusy(true);
    void signIn(token.trim())
      .then(done, (error: unknown) => setProblem(foundError(error)))
      .finally(() => setBusy(false));
  };
  return (
    <main className="sign-in">
      <form
        className="card"
        onSubmit={(event) => {
          event.preventDefault();
          if (token.trim()) enter();
        }}
      >
        <img src="/addin/favicon.svg" alt="" width="40" height="40" />
        <h1>{ended ? "Your access has ended" : "Sign in"}</h1>
        <p>
          Open the address that <code className="inline-code">tallybook serve</code> printed, or paste its access token here.
          {ended ? " Nothing is lost: your conversations are where they were." : ""}
        </p>
        <Input
          id="token"
          className="wide"
          type="password"
          autoComplete="off"
          aria-label="Access token"
          placeholder="Access token"
          value={token}
          onChange={(_, data) => setToken(data.value)}
        />
        {problem && <ErrorCard error={problem} />}
        <Button type="submit" appearance="primary" disabled={busy || !token.trim()}>Sign in</Button>
      </form>
    </main>
  );
}
