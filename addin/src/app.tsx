import {
  Button, FluentProvider, Menu, MenuDivider, MenuGroup, MenuGroupHeader, MenuItem, MenuItemRadio, MenuList, MenuPopover, MenuTrigger, OverlayDrawer, DrawerBody, Tab,
  TabList,
} from "@fluentui/react-components";
import { DismissRegular, NavigationRegular, NotebookRegular, SettingsRegular, ShieldCheckmarkRegular, SignOutRegular } from "@fluentui/react-icons";
import { useCallback, useEffect, useMemo, useRef, useState, useReducer } from "react";
import { ApiError, api, notebookAddress, type PathName } from "./api/client";
import { onFailedDownload } from "./api/downloads";
import type { FoundError, Schemas } from "./api/events";
import { paneToken } from "./api/pane_token";
import { ErrorCard } from "./chat/cards";
import { Chat } from "./chat/chat";
import { Composer } from "./chat/composer";
import { canUndo } from "./chat/turn";
import type { Command } from "./chat/commands";
import { Welcome } from "./chat/welcome";
import { BranchDialog, BranchMenu, MergeDialog } from "./conversations/branches";
import { ConversationList, titleOf } from "./conversations/list";
import { type AskedUndo, UndoDialog } from "./conversations/undo";
import { FilesPanel, useFiles } from "./files/panel";
import { PreviewDialog } from "./files/preview";
import { Uploads } from "./files/uploads";
import { type Host } from "./office/host";
import { SelectionBar } from "./office/selection_bar";
import { useExcel } from "./office/use_excel";
import { useOfficeRequests } from "./office/use_requests";
import { LinkBanner } from "./parts/link_banner";
import { useMedia } from "./parts/media";
import { PermissionsDialog } from "./parts/permissions";
import { SignIn } from "./parts/sign_in";
import { LOOKS, type Look, useLook } from "./parts/theme";
import { useFileDrop } from "./parts/use_file_drop";
import { HistoryDialog } from "./recovery/history_dialog";
import { EMPTY } from "./state/model";
import { foundError } from "./state/path_store";
import { usePath } from "./state/use_path";
import { Terminal } from "./terminal/terminal";

/** Conversations that have the name of their first file until something is asked. */
const namedByFiles = new Set<string>();
const USUAL_LIMIT = 200_000_000;
type Tabs = "chat" | "files" | "terminal";
type Signed = "unknown" | "in" | "out" | "ended";

const shortTitle = (words: string): string => {
  const line = words.trim().split("\n")[0] ?? "";
  return line.length > 80 ? `${line.slice(0, 79)}…` : line;
};

export function App({ host }: { host: Host }) {
  const { look, theme, scheme, choose } = useLook();
  useEffect(() => {
    document.documentElement.style.colorScheme = scheme;
    document.documentElement.style.background = theme.colorNeutralBackground1;
  }, [scheme, theme]);
  return (
    <FluentProvider theme={theme} className="provider">
      <Gate look={look} choose={choose} host={host} />
    </FluentProvider>
  );
}

interface Looks {
  look: Look;
  choose: (look: Look) => void;
}
type Surroundings = Looks & { host: Host };

/** The page for who has signed in; for others, the place to do so. */
function Gate(looks: Surroundings) {
  const [signed, setSigned] = useState<Signed>("unknown");
  const [conversations, setConversations] = useState<readonly Schemas["Conversation"][]>([]);
  const [problem, setProblem] = useState<FoundError | null>(null);
  const list = useCallback(async () => {
    try {
      setConversations((await api.conversations()).conversations);
      setSigned("in");
      setProblem(null);
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) setSigned((before) => (before === "in" ? "ended" : "out"));
      else setProblem(foundError(error));
    }
  }, []);
  useEffect(() => void list(), [list]);
  useEffect(() => {
    if (!problem) return;
    const timer = setTimeout(() => void list(), 3000);
    return () => clearTimeout(timer);
  }, [problem, list]);
  if (signed === "out" || signed === "ended") {
    return <SignIn ended={signed === "ended"} done={() => void list()} />;
  }
  if (signed === "unknown") {
    return problem ? <main className="sign-in"><ErrorCard error={problem} retry={() => void list()} /></main> : null;
  }
  return <Page {...looks} conversations={conversations} list={list} ended={() => setSigned("ended")} />;
}

function Page({ look, choose, host, conversations, list, ended }: Surroundings & {
  conversations: readonly Schemas["Conversation"][];
  list: () => Promise<void>;
  ended: () => void;
}) {
  const { store, open } = usePath();
  const state = store?.state ?? EMPTY;
  const path = store?.path ?? null;
  const narrow = useMedia("(max-width: 759px)");
  const wide = useMedia("(min-width: 1180px)");
  const [tab, setTab] = useState<Tabs>("chat");
  const [drawer, setDrawer] = useState(false);
  const [preview, setPreview] = useState<string | null>(null);
  const [branching, setBranching] = useState<string | null>(null);
  const [undoing, setUndoing] = useState<AskedUndo | null>(null);
  const [merging, setMerging] = useState(false);
  const [historyOpen, setHistory] = useState(false);
  const [permissions, setPermissions] = useState(false);
  const [problem, setProblem] = useState<FoundError | null>(null);
  const [health, setHealth] = useState<Schemas["Health"] | null>(null);
  const [paths, setPaths] = useState<readonly Schemas["Path"][]>([]);
  const [revision, bump] = useReducer((before: number) => before + 1, 0);
  const [, redraw] = useReducer((before: number) => before + 1, 0);
  const uploads = useMemo(() => new Uploads(redraw, bump), []);
  const picker = useRef<HTMLInputElement>(null);
  const excel = useExcel(host.excel);
  useOfficeRequests(host.excel ? store : null);
  const { files, problem: filesProblem } = useFiles(path, state.filesRevision + revision);

  useEffect(() => void api.health().then(setHealth, () => undefined), [store]);
  useEffect(() => onFailedDownload((error) => setProblem(foundError(error))), []);
  const listPaths = useCallback(() => {
    if (path === null) return setPaths([]);
    api.paths(path.conversation).then((found) => setPaths(found.paths), () => undefined);
  }, [path?.conversation]);
  useEffect(listPaths, [listPaths, state.mergedInto, path?.path]);
  useEffect(() => {
    if (store?.link.state === "signed-out") ended();
  }, [store?.link.state, ended]);

  const go = useCallback((place: PathName | null) => {
    setPreview(null);
    setBranching(null);
    setMerging(false);
    setUndoing(null);
    setProblem(null);
    setDrawer(false);
    open(place);
  }, [open]);

  /** The open path; a conversation called *title* is made if there is none. */
  const begin = useCallback(async (title: string) => {
    if (store) return store;
    const made = await api.create(shortTitle(title));
    void list();
    const opened = open({ conversation: made.id, path: "main" });
    if (!opened) throw new Error("no path is open");
    return opened;
  }, [store, open, list]);
  /** Show it if *work* fails; the caller gets the failure too. */
  const shown = useCallback(async (work: Promise<unknown>) => {
    setProblem(null);
    await work.catch((error: unknown) => {
      setProblem(foundError(error));
      throw error;
    });
  }, []);
  const guarded = useCallback((work: Promise<unknown>) => void shown(work).catch(() => undefined), [shown]);

  const ask = (request: string) =>
    shown(
      Promise.all([begin(request), excel?.selection.behind(request) ?? request]).then(([opened, whole]) => {
        opened.ask(whole);
        const { conversation: id } = opened.path;
        if (namedByFiles.delete(id)) api.rename(id, shortTitle(request)).then(list, () => undefined);
      }),
    );
  const run = (code: string) => shown(begin(code).then((opened) => opened.execute(code)));
  const attach = useCallback((chosen: Iterable<File>) => {
    const all = [...chosen];
    const first = all[0];
    if (!first) return;
    const title = all.length === 1 ? first.name : `${first.name} and ${all.length - 1} more`;
    const limit = health?.upload_limit_bytes ?? USUAL_LIMIT;
    guarded(
      begin(title).then((opened) => {
        if (!store) namedByFiles.add(opened.path.conversation);
        uploads.add(opened.path, all, limit);
      }),
    );
  }, [begin, guarded, health, uploads, store]);
  const dragging = useFileDrop(attach);

  const actions = useMemo(() => ({
    path: path ?? { conversation: "", path: "main" },
    preview: setPreview,
    branch: state.mergedInto ? null : setBranching,
    undo: state.mergedInto || !store ? null : (turn: string) =>
      guarded(
        api.undo(store.path, turn, false).catch((error: unknown) => {
          if (!(error instanceof ApiError && error.code === "restore-needs-confirmation")) throw error;
          setUndoing({ turn, refusal: foundError(error) });
        }),
      ),
    cancel: (turn: string) => guarded(store?.cancel(turn) ?? Promise.resolve()),
    insert: excel && path ? (name: string) => excel.insert(path, name) : null,
  }), [path, state.mergedInto, store, guarded, excel?.insert]);
  const revert = () => {
    const last = state.turns.findLast(canUndo);
    if (last) actions.undo?.(last.id);
    else setProblem({ code: "nothing-to-undo", message: "There is no request whose files can be undone.", hint: "", details: {} });
  };
  const commands: Command[] = [
    { name: "history", says: "Earlier states of the workbook open in Excel", run: () => store && setHistory(true) },
    {
      name: "revert",
      says: excel ? "Put a range of the workbook back" : "Undo the last request",
      run: () => (excel && store ? setHistory(true) : revert()),
    },
  ];
  const merged = state.mergedInto !== null;
  const noModel = health !== null && health.model === null;
  const pick = useCallback(() => picker.current?.click(), []);
  const dismiss = useCallback((id: number) => uploads.dismiss(id), [uploads]);
  const openConversation = useCallback((id: string) => go({ conversation: id, path: "main" }), [go]);
  const beginNew = useCallback(() => go(null), [go]);
  const here = path?.conversation ?? null;
  const listChanged = useCallback((deleted: string | null) => {
    if (deleted !== null && deleted === here) go(null);
    void list();
  }, [here, go, list]);
  const conversation = conversations.find((each) => each.id === path?.conversation);
  const openBranch = (name: string) => path && go({ conversation: path.conversation, path: name });
  const source = paths.find((each) => each.name === path?.path)?.source_path ?? "main";

  const conversationList = (
    <ConversationList
      conversations={conversations}
      current={here}
      open={openConversation}
      begin={beginNew}
      changed={listChanged}
    />
  );
  const filesPanel = (
    <FilesPanel
      path={path}
      files={files}
      problem={filesProblem}
      facts={state.fileFacts}
      uploads={uploads.entries}
      dismiss={dismiss}
      pick={pick}
      preview={setPreview}
      changed={bump}
      canChange={!merged}
    />
  );
  const shownTab = wide && tab === "files" ? "chat" : tab;

  return (
    <div className={`page ${narrow ? "narrow" : ""} ${wide ? "wide" : ""}`} data-link={store?.link.state ?? "none"}>
      <input
        ref={picker}
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
      <header className="top">
        {narrow && (
          <Button
            appearance="subtle"
            icon={<NavigationRegular />}
            aria-label="Conversations"
            id="menu"
            onClick={() => setDrawer(true)}
          />
        )}
        <img src="/addin/favicon.svg" alt="" width="24" height="24" />
        <h1 title={conversation ? titleOf(conversation) : "Tallybook"}>
          {conversation ? titleOf(conversation) : "Tallybook"}
        </h1>
        {path && <BranchMenu paths={paths} current={path.path} open={openBranch} merge={() => setMerging(true)} />}
        {path && (
          <Button
            as="a"
            id="notebook"
            appearance="subtle"
            icon={<NotebookRegular />}
            href={notebookAddress(path)}
            download
            aria-label="Download the notebook"
          />
        )}
        <SettingsMenu look={look} choose={choose} permissions={() => setPermissions(true)} />
      </header>
      {!narrow && <aside className="side">{conversationList}</aside>}
      {narrow && (
        <OverlayDrawer open={drawer} onOpenChange={(_, data) => setDrawer(data.open)} position="start" size="small" aria-label="Conversations">
          <DrawerBody className="drawer">
            <div className="drawer-top">
              <h2>Conversations</h2>
              <Button appearance="subtle" icon={<DismissRegular />} aria-label="Close" onClick={() => setDrawer(false)} />
            </div>
            {conversationList}
          </DrawerBody>
        </OverlayDrawer>
      )}
      <main className="main">
        <TabList className="tabs" selectedValue={shownTab} onTabSelect={(_, data) => setTab(data.value as Tabs)}>
          <Tab value="chat" id="tab-chat">Chat</Tab>
          {!wide && <Tab value="files" id="tab-files">Files{files?.length ? ` (${files.length})` : ""}</Tab>}
          <Tab value="terminal" id="tab-terminal">Terminal</Tab>
        </TabList>
        {store && <LinkBanner link={store.link} retry={() => store.reconnect()} begin={() => go(null)} />}
        {problem && <ErrorCard error={problem} />}
        {host.wanted && !host.excel && (
          <div className="banner" role="status">
            <span className="grow">Excel does not answer this page, so nothing can be put into the workbook from here. Close the pane and open it again.</span>
          </div>
        )}
        {shownTab === "chat" && (
          <Chat
            key={path ? `${path.conversation}/${path.path}` : "new"}
            state={state}
            actions={actions}
            again={(pending) => store?.again(pending)}
            drop={(key) => store?.drop(key)}
            welcome={<Welcome model={health === null ? undefined : health.model} pick={pick} ask={(idea) => guarded(ask(idea))} terminal={() => setTab("terminal")} />}
          >
            {excel && !merged && !noModel && <SelectionBar selection={excel.selection} />}
            <Composer
              disabled={merged || noModel}
              reason={noModel ? "There is no language model yet" : merged ? "This branch was merged" : ""}
              pick={pick}
              send={ask}
              commands={commands}
            />
          </Chat>
        )}
        {shownTab === "files" && <div className="column files-column">{filesPanel}</div>}
        {shownTab === "terminal" && (
          <Terminal
            key={path ? `${path.conversation}/${path.path}` : "new"}
            state={state}
            actions={actions}
            disabled={merged}
            run={run}
            again={(pending) => store?.again(pending)}
            drop={(key) => store?.drop(key)}
          />
        )}
      </main>
      {wide && <aside className="side files-side">{filesPanel}</aside>}
      {dragging && <div className="drop-here" aria-hidden="true"><p>Drop files to add them</p></div>}
      {path && preview !== null && <PreviewDialog path={path} name={preview} close={() => setPreview(null)} />}
      {path && historyOpen && <HistoryDialog path={path} inExcel={excel !== null} close={() => setHistory(false)} />}
      {permissions && <PermissionsDialog close={() => setPermissions(false)} />}
      {path && branching !== null && (
        <BranchDialog path={path} turn={branching} close={() => setBranching(null)} done={openBranch} />
      )}
      {path && undoing && <UndoDialog path={path} asked={undoing} close={() => setUndoing(null)} />}
      {path && merging && (
        <MergeDialog path={path} into={source} close={() => setMerging(false)} done={() => openBranch(source)} />
      )}
    </div>
  );
}

function SettingsMenu({ look, choose, permissions }: Looks & { permissions: () => void }) {
  return (
    <Menu checkedValues={{ look: [look] }} onCheckedValueChange={(_, data) => choose((data.checkedItems[0] ?? "system") as Look)}>
      <MenuTrigger disableButtonEnhancement>
        <Button appearance="subtle" icon={<SettingsRegular />} aria-label="Settings" />
      </MenuTrigger>
      <MenuPopover>
        <MenuList>
          <MenuGroup>
            <MenuGroupHeader>Colours</MenuGroupHeader>
            {LOOKS.map(([name, words]) => (
              <MenuItemRadio key={name} name="look" value={name}>{words}</MenuItemRadio>
            ))}
          </MenuGroup>
          <MenuDivider />
          {paneToken.used && (
            <MenuItem
              icon={<SignOutRegular />}
              onClick={() => {
                paneToken.forget();
                location.reload();
              }}
            >
              Sign out of this pane
            </MenuItem>
          )}
          <MenuItem icon={<ShieldCheckmarkRegular />} onClick={permissions}>What is always allowed …</MenuItem>
        </MenuList>
      </MenuPopover>
    </Menu>
  );
}
