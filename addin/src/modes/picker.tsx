import { Button, Menu, MenuItemRadio, MenuList, MenuPopover, MenuTrigger } from "@fluentui/react-components";
import { ChevronDownRegular } from "@fluentui/react-icons";
import { Suspense, useState } from "react";
import type { Schemas } from "../api/events";
import { lazily } from "../parts/lazily";
import { momentAhead } from "../parts/words";
import { MODES, modeName, type ModeName } from "./words";

const AutonomousDialog = lazily(() => import("./autonomous").then((m) => m.AutonomousDialog));

/** In which mode the conversation works; changes it. */
export function ModePicker({ mode, until, disabled, choose }: {
  mode: ModeName;
  /** When it ends, in ms, if it does. */
  until: number | null;
  disabled: boolean;
  /** Resolves once it counts; if it rejects, the reason is shown. */
  choose: (request: Schemas["ModeRequest"]) => Promise<unknown>;
}) {
  const [asking, setAsking] = useState(false);
  const take = (name: ModeName) => {
    if (name === "autonomous") setAsking(true);
    else void choose({ name, scope: [], until: null, cells: null }).catch(() => undefined);
  };
  return (
    <>
      <Menu checkedValues={{ mode: [mode] }} onCheckedValueChange={(_, data) => take((data.checkedItems[0] ?? "auto") as ModeName)}>
        <MenuTrigger disableButtonEnhancement>
          <Button id="mode" size="small" icon={<ChevronDownRegular />} iconPosition="after" appearance={mode === "auto" ? "subtle" : "outline"} disabled={disabled}>
            <span><span className="visually-hidden">Mode: </span>{modeName(mode)}{until === null ? "" : ` until ${momentAhead(until)}`}</span>
          </Button>
        </MenuTrigger>
        <MenuPopover>
          <MenuList>
            {MODES.map(([name, words, happens]) => (
              <MenuItemRadio key={name} name="mode" value={name}>
                <strong>{words}</strong>
                <span className="quiet mode-words">{happens}</span>
              </MenuItemRadio>
            ))}
          </MenuList>
        </MenuPopover>
      </Menu>
      <Suspense>{asking && <AutonomousDialog choose={choose} close={() => setAsking(false)} />}</Suspense>
    </>
  );
}
