import { Button, Input, Menu, MenuItem, MenuList, MenuPopover, MenuTrigger } from "@fluentui/react-components";
import { AddRegular, DeleteRegular, EditRegular, MoreHorizontalRegular, SearchRegular } from "@fluentui/react-icons";
import { memo, Suspense, useState } from "react";
import type { Schemas } from "../api/events";
import { lazily } from "../parts/lazily";
import { moment } from "../parts/words";
import { useMay } from "../state/may";
import { titleOf } from "./title";

const Rename = lazily(() => import("./list_dialogs").then((m) => m.Rename));
const Remove = lazily(() => import("./list_dialogs").then((m) => m.Remove));

type Conversation = Schemas["Conversation"];

/** Conversations whose title or user holds all words of *search*. */
export function found(conversations: readonly Conversation[], search: string): readonly Conversation[] {
  const words = search.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  return conversations.filter((each) => {
    const text = `${titleOf(each)} ${each.user}`.toLocaleLowerCase();
    return words.every((word) => text.includes(word));
  });
}

export const ConversationList = memo(function ConversationList({ conversations, current, open, begin, changed }: {
  conversations: readonly Conversation[];
  current: string | null;
  open: (id: string) => void;
  begin: () => void;
  /** Called after a conversation was renamed or deleted. */
  changed: (deleted: string | null) => void;
}) {
  const may = useMay().can("run");
  const [search, setSearch] = useState("");
  const [renaming, setRenaming] = useState<Conversation | null>(null);
  const [removing, setRemoving] = useState<Conversation | null>(null);
  const listed = found(conversations, search);
  return (
    <nav className="conversations" aria-label="Conversations">
      {may && (
        <Button id="new" icon={<AddRegular />} appearance="primary" onClick={begin}>
          New conversation
        </Button>
      )}
      <Input
        className="search"
        contentBefore={<SearchRegular />}
        placeholder="Search"
        aria-label="Search conversations"
        value={search}
        onChange={(_, data) => setSearch(data.value)}
      />
      <ul className="conversation-list">
        {listed.map((each) => (
          <li key={each.id} className={each.id === current ? "conversation current" : "conversation"}>
            <button
              type="button"
              className="conversation-open"
              aria-current={each.id === current ? "page" : undefined}
              onClick={() => open(each.id)}
            >
              <span className="conversation-title">{titleOf(each)}</span>
              <span className="quiet">{moment(each.created_at)}</span>
            </button>
            {may && <Menu>
              <MenuTrigger disableButtonEnhancement>
                <Button
                  size="small"
                  appearance="subtle"
                  icon={<MoreHorizontalRegular />}
                  aria-label={`More for ${titleOf(each)}`}
                />
              </MenuTrigger>
              <MenuPopover>
                <MenuList>
                  <MenuItem icon={<EditRegular />} onClick={() => setRenaming(each)}>Rename</MenuItem>
                  <MenuItem icon={<DeleteRegular />} onClick={() => setRemoving(each)}>Delete</MenuItem>
                </MenuList>
              </MenuPopover>
            </Menu>}
          </li>
        ))}
      </ul>
      {listed.length === 0 && (
        <p className="quiet empty">{search ? "No conversation has these words." : "No conversation yet."}</p>
      )}
      <Suspense>
      {renaming && (
        <Rename
          conversation={renaming}
          close={() => setRenaming(null)}
          done={() => {
            setRenaming(null);
            changed(null);
          }}
        />
      )}
      {removing && (
        <Remove
          conversation={removing}
          close={() => setRemoving(null)}
          done={() => {
            setRemoving(null);
            changed(removing.id);
          }}
        />
      )}
      </Suspense>
    </nav>
  );
});
