import { Button, DrawerBody, OverlayDrawer } from "@fluentui/react-components";
import { DismissRegular } from "@fluentui/react-icons";
import type { ReactNode } from "react";

/** The conversations over the page, in a narrow window. */
export function NarrowConversations({ close, children }: { close: () => void; children: ReactNode }) {
  return (
    <OverlayDrawer open onOpenChange={(_, data) => !data.open && close()} position="start" size="small" aria-label="Conversations">
      <DrawerBody className="drawer">
        <div className="drawer-top">
          <h2>Conversations</h2>
          <Button appearance="subtle" icon={<DismissRegular />} aria-label="Close" onClick={close} />
        </div>
        {children}
      </DrawerBody>
    </OverlayDrawer>
  );
}
