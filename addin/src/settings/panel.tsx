import { Button, DrawerBody, OverlayDrawer } from "@fluentui/react-components";
import { DismissRegular, QuestionCircleRegular, SignOutRegular } from "@fluentui/react-icons";
import type { ReactNode } from "react";
import type { Schemas } from "../api/events";
import { paneToken } from "../api/pane_token";
import { SetUpModel } from "../chat/welcome";
import { Choices } from "../parts/choices";
import { type Look, LOOKS } from "../parts/theme";
import { type May, type Scope, useMay } from "../state/may";
import { Grants } from "./grants";
import { Preferences } from "./preferences";
import { keptWords } from "./retention";

const SCOPES: readonly [Scope, string][] = [
  ["read", "read everything here"], ["run", "ask and run code"], ["undo", "undo"], ["rerun", "run notebooks again"],
  ["review", "sign off"], ["audit", "see the audit list"], ["admin", "delete users' data"],
];
const allowed = ({ can }: May): string[] => SCOPES.filter(([scope]) => can(scope)).map(([, words]) => words);

/** Who you are, model, permissions, what is kept for how long, colours. */
export function SettingsPanel({ health, look, choose, help, close }: {
  health: Schemas["Health"] | null;
  look: Look;
  choose: (look: Look) => void;
  help: () => void;
  close: () => void;
}) {
  const may = useMay();
  return (
    <OverlayDrawer open onOpenChange={(_, data) => !data.open && close()} position="end" size="medium" className="settings" aria-label="Settings">
      <DrawerBody className="drawer">
        <div className="drawer-top">
          <h2>Settings</h2>
          <Button appearance="subtle" icon={<DismissRegular />} aria-label="Close" onClick={close} />
        </div>
        {may.user !== null && (
          <Section title="You">
            <p className="breakable">{may.user}</p>
            <p className="quiet">May {allowed(may).join(", ")}.</p>
          </Section>
        )}
        <Section title="Language model">
          {health === null ? <p className="quiet">The service does not answer.</p>
            : health.model === null ? <SetUpModel /> : <p className="breakable">{health.model}</p>}
        </Section>
        <Section title="Allowed without a question"><Grants /></Section>
        <Section title="What you prefer"><Preferences /></Section>
        {health && (
          <Section title="What is kept">
            {keptWords(health).map((words) => <p key={words}>{words}</p>)}
          </Section>
        )}
        <Section title="Colours">
          <Choices label="Colours" value={look} choices={LOOKS} choose={choose} />
        </Section>
        <div className="buttons">
          <Button icon={<QuestionCircleRegular />} onClick={help}>Help</Button>
          {health && <span className="quiet">Tallybook {health.version}</span>}
        </div>
        {paneToken.used && (
          <Button
            icon={<SignOutRegular />}
            onClick={() => {
              paneToken.forget();
              location.reload();
            }}
          >
            Sign out of this pane
          </Button>
        )}
      </DrawerBody>
    </OverlayDrawer>
  );
}

function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className="setting">
      <h3>{title}</h3>
      {children}
    </section>
  );
}
