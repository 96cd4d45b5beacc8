import { Button, DrawerBody, OverlayDrawer } from "@fluentui/react-components";
import { DismissRegular, QuestionCircleRegular, SignOutRegular } from "@fluentui/react-icons";
import type { ReactNode } from "react";
import type { Schemas } from "../api/events";
import { paneToken } from "../api/pane_token";
import { SetUpModel } from "../chat/welcome";
import { Choices } from "../parts/choices";
import { type Look, LOOKS } from "../parts/theme";
import { Grants } from "./grants";
import { Preferences } from "./preferences";
import { keptWords } from "./retention";

/** Model, permissions, what is kept for how long, colours. */
export function SettingsPanel({ health, look, choose, help, close }: {
  health: Schemas["Health"] | null;
  look: Look;
  choose: (look: Look) => void;
  help: () => void;
  close: () => void;
}) {
  return (
    <OverlayDrawer open onOpenChange={(_, data) => !data.open && close()} position="end" size="medium" className="settings" aria-label="Settings">
      <DrawerBody className="drawer">
        <div className="drawer-top">
          <h2>Settings</h2>
          <Button appearance="subtle" icon={<DismissRegular />} aria-label="Close" onClick={close} />
        </div>
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
