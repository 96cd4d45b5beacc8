// Small parts of the page's frame.
import { Tab, TabList } from "@fluentui/react-components";
import { type ReactNode, type RefObject, Suspense } from "react";
import { lazily } from "../parts/lazily";

const NarrowConversations = lazily(() => import("./narrow_conversations").then((m) => m.NarrowConversations));

export type TabName = "chat" | "files" | "terminal" | "review";

export function PageTabs({ shown, files, choose }: {
  shown: TabName;
  /** How many files there are; null where they stand beside the chat. */
  files: number | null;
  choose: (tab: TabName) => void;
}) {
  return (
    <TabList className="tabs" selectedValue={shown} onTabSelect={(_, data) => choose(data.value as TabName)}>
      <Tab value="chat" id="tab-chat">Chat</Tab>
      {files !== null && <Tab value="files" id="tab-files">Files{files > 0 ? ` (${files})` : ""}</Tab>}
      <Tab value="terminal" id="tab-terminal">Terminal</Tab>
      <Tab value="review" id="tab-review">Review</Tab>
    </TabList>
  );
}

export function FilePicker({ input, attach }: { input: RefObject<HTMLInputElement | null>; attach: (files: File[]) => void }) {
  return (
    <input
      ref={input}
      id="upload"
      type="file"
      multiple
      tabIndex={-1}
      aria-hidden="true"
      className="picker"
      onChange={(event) => {
        attach([...(event.target.files ?? [])]);
        event.target.value = "";
      }}
    />
  );
}

/** Where the conversations are: at the side, or in a drawer of a narrow window. */
export function ConversationsPlace({ narrow, open, close, children }: { narrow: boolean; open: boolean; close: () => void; children: ReactNode }) {
  if (!narrow) return <aside className="side">{children}</aside>;
  return <Suspense>{open && <NarrowConversations close={close}>{children}</NarrowConversations>}</Suspense>;
}

export function ExcelAway() {
  return (
    <div className="banner" role="status">
      <span className="grow">Excel does not answer this page, so nothing can be put into the workbook from here. Close the pane and open it again.</span>
    </div>
  );
}
