import {
  Button, Dialog, DialogActions, DialogBody, DialogContent, DialogSurface, DialogTitle, Input, Menu, MenuItem,
  MenuList, MenuPopover, MenuTrigger,
} from "@fluentui/react-components";
import { AddRegular, DeleteRegular, EditRegular, MoreHorizontalRegular, SearchRegular } from "@fluentui/react-icons";
import { memo, useState } from "react";
import { api } from "../api/client";
import type { FoundError, Schemas } from "../api/events";
import { ErrorCard } from "../chat/cards";
import { moment } from "../parts/words";
import { useMay } from "../state/may";
import { foundError } from "../state/path_store";

type Conversation = Schemas["Conversation"];

export const titleOf = (conversation: Conversation): string => conversation.title || "Without a title";

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
    </nav>
  );
});

function Rename({ conversation, close, done }: { conversation: Conversation; close: () => void; done: () => void }) {
  const [title, setTitle] = useState(conversation.title);
  const [problem, setProblem] = useState<FoundError | null>(null);
  const save = () =>
    api.rename(conversation.id, title.trim()).then(done, (error: unknown) => setProblem(foundError(error)));
  return (
    <Dialog open onOpenChange={(_, data) => !data.open && close()}>
      <DialogSurface className="small-dialog">
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (title.trim()) void save();
          }}
        >
          <DialogBody>
            <DialogTitle as="h2">Rename the conversation</DialogTitle>
            <DialogContent>
              <Input
                className="wide"
                aria-label="Title"
                value={title}
                maxLength={200}
                onChange={(_, data) => setTitle(data.value)}
              />
              {problem && <ErrorCard error={problem} />}
            </DialogContent>
            <DialogActions>
              <Button onClick={close}>Keep</Button>
              <Button type="submit" appearance="primary" disabled={!title.trim()}>Rename</Button>
            </DialogActions>
          </DialogBody>
        </form>
      </DialogSurface>
    </Dialog>
  );
}

function Remove({ conversation, close, done }: { conversation: Conversation; close: () => void; done: () => void }) {
  const [problem, setProblem] = useState<FoundError | null>(null);
  const [busy, setBusy] = useState(false);
  const remove = () => {
    setBusy(true);
    void api.remove(conversation.id).then(done, (error: unknown) => {
      setBusy(false);
      setProblem(foundError(error));
    });
  };
  return (
    <Dialog open modalType="alert" onOpenChange={(_, data) => !data.open && close()}>
      <DialogSurface className="small-dialog">
        <DialogBody>
          <DialogTitle as="h2">Delete this conversation?</DialogTitle>
          <DialogContent>
            <p className="breakable">
              “{titleOf(conversation)}” goes with its files, results and notebook. This can’t be undone.
            </p>
            {problem && <ErrorCard error={problem} />}
          </DialogContent>
          <DialogActions>
            <Button onClick={close}>Keep</Button>
            <Button appearance="primary" className="confirm-delete" disabled={busy} onClick={remove}>Delete</Button>
          </DialogActions>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  );
}
