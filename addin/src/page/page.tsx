import { Button, DrawerBody, OverlayDrawer, Tab, TabList } from "@fluentui/react-components";
import { DismissRegular } from "@fluentui/react-icons";
import { useCallback, useEffect, useMemo, useReducer, useRef, useState } from "react";
import { ApiError, api, type PathName } from "../api/client";
import { onFailedDownload } from "../api/downloads";
import type { Schemas } from "../api/events";
import { ErrorCard } from "../chat/cards";
import { Chat } from "../chat/chat";
import { Composer } from "../chat/composer";
import { canUndo } from "../chat/turn";
import { Welcome } from "../chat/welcome";
import { ConversationList, titleOf } from "../conversations/list";
import { FilesPanel, useFiles } from "../files/panel";
import { Uploads } from "../files/uploads";
import { isTourNew, keepTour, Tour } from "../help/tour";
import { ModePicker } from "../modes/picker";
import { useMode } from "../modes/use_mode";
import { SelectionBar } from "../office/selection_bar";
import { useExcel } from "../office/use_excel";
import { useOfficeRequests } from "../office/use_requests";
import { LinkBanner } from "../parts/link_banner";
import { useMedia } from "../parts/media";
import { useFileDrop } from "../parts/use_file_drop";
import { type Part, ReviewPanel } from "../review/panel";
import { NOTHING_ASKED } from "../review/trace";
import { EMPTY } from "../state/model";
import { foundError } from "../state/path_store";
import { usePath } from "../state/use_path";
import { Terminal } from "../terminal/terminal";
import { commandsOf } from "./commands";
import { Dialogs } from "./dialogs";
import type { Surroundings } from "./gate";
import type { Opened } from "./opened";
import { TopBar } from "./top_bar";
import { useWork } from "./use_work";

const USUAL_LIMIT = 200_000_000;
type Tabs = "chat" | "files" | "terminal" | "review";
const NO_FILES: readonly Schemas["File"][] = [];

export function Page({ look, choose, host, conversations, list, ended }: Surroundings & {
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
  /** The cell to go to; another object each time. */
  const [wanted, setWanted] = useState<{ cell: string } | null>(null);
  const [part, setPart] = useState<Part>("trace");
  const [asked, setAsked] = useState(NOTHING_ASKED);
  const [tour, setTour] = useState(isTourNew);
  const [opened, show] = useState<Opened | null>(null);
  const [health, setHealth] = useState<Schemas["Health"] | null>(null);
  const [paths, setPaths] = useState<readonly Schemas["Path"][]>([]);
  const [revision, bump] = useReducer((before: number) => before + 1, 0);
  const [, redraw] = useReducer((before: number) => before + 1, 0);
  const uploads = useMemo(() => new Uploads(redraw, bump), []);
  const picker = useRef<HTMLInputElement>(null);
  const excel = useExcel(host.excel);
  useOfficeRequests(host.excel ? store : null);
  const { files, problem: filesProblem } = useFiles(path, state.filesRevision + revision);
  const { mode, until, choose: chooseMode, begin: beginMode } = useMode(path?.conversation ?? null, state.modeRevision);
  const work = useWork({ store, open, list, uploads, behind: excel?.selection.behind ?? null, made: beginMode });
  const { problem, setProblem, guarded } = work;

  useEffect(() => void api.health().then(setHealth, () => undefined), [store]);
  useEffect(() => onFailedDownload((error) => setProblem(foundError(error))), [setProblem]);
  const listPaths = useCallback(() => {
    if (path === null) return setPaths([]);
    api.paths(path.conversation).then((found) => setPaths(found.paths), () => undefined);
  }, [path?.conversation]);
  useEffect(listPaths, [listPaths, state.mergedInto, path?.path]);
  useEffect(() => {
    if (store?.link.state === "signed-out") ended();
  }, [store?.link.state, ended]);

  const go = useCallback((place: PathName | null) => {
    show(null);
    setProblem(null);
    open(place);
  }, [open, setProblem]);
  const endTour = useCallback(() => {
    keepTour(true);
    setTour(false);
  }, []);
  const close = useCallback(() => show(null), []);
  const attach = useCallback(
    (chosen: Iterable<File>) => work.attach(chosen, health?.upload_limit_bytes ?? USUAL_LIMIT),
    [work.attach, health],
  );
  const dragging = useFileDrop(attach);

  const preview = useCallback((name: string) => show({ over: "preview", name }), []);
  const merged = state.mergedInto !== null;
  const actions = useMemo(() => ({
    path: path ?? { conversation: "", path: "main" },
    preview,
    branch: merged ? null : (turn: string) => show({ over: "branch", turn }),
    undo: merged || !store ? null : (turn: string) =>
      guarded(
        api.undo(store.path, turn, false).catch((error: unknown) => {
          if (!(error instanceof ApiError && error.code === "restore-needs-confirmation")) throw error;
          show({ over: "undo", asked: { turn, refusal: foundError(error) } });
        }),
      ),
    cancel: (turn: string) => guarded(store?.cancel(turn) ?? Promise.resolve()),
    rate: (turn: string, rating: "up" | "down") => guarded(store?.rate(turn, rating) ?? Promise.resolve()),
    run: merged || !store ? null : (code: string, language: string) => guarded(work.run(code, language)),
    show: (cell: string) => {
      setTab("chat");
      setWanted({ cell });
    },
    insert: excel && path ? (name: string) => excel.insert(path, name) : null,
  }), [path, merged, store, guarded, work.run, excel?.insert, preview]);
  const revert = () => {
    const last = state.turns.findLast(canUndo);
    if (last) actions.undo?.(last.id);
    else setProblem({ code: "nothing-to-undo", message: "There is no request whose files can be undone.", hint: "", details: {} });
  };
  const history = () => store && show({ over: "history" });
  const noModel = health !== null && health.model === null;
  const pick = useCallback(() => picker.current?.click(), []);
  const dismiss = useCallback((id: number) => uploads.dismiss(id), [uploads]);
  const openConversation = useCallback((id: string) => go({ conversation: id, path: "main" }), [go]);
  const beginNew = useCallback(() => go(null), [go]);
  const review = (shown: Part) => {
    setPart(shown);
    setTab("review");
  };
  const commands = commandsOf({
    inExcel: excel !== null,
    filesBeside: wide,
    begin: beginNew,
    files: () => (wide ? pick() : setTab("files")),
    history,
    revert: () => (excel && store ? history() : revert()),
    trace: () => review("trace"),
    notebook: () => review("notebook"),
    terminal: () => setTab("terminal"),
    settings: () => show({ over: "settings" }),
    help: () => show({ over: "help" }),
    tour: () => {
      keepTour(false);
      setTour(true);
      beginNew();
    },
  });
  const here = path?.conversation ?? null;
  const listChanged = useCallback((deleted: string | null) => {
    if (deleted !== null && deleted === here) go(null);
    void list();
  }, [here, go, list]);
  const conversation = conversations.find((each) => each.id === here);
  const openBranch = (name: string) => path && go({ conversation: path.conversation, path: name });
  const source = paths.find((each) => each.name === path?.path)?.source_path ?? "main";
  const title = conversation ? titleOf(conversation) : "Tallybook";
  const shownTab = wide && tab === "files" ? "chat" : tab;
  const key = path ? `${path.conversation}/${path.path}` : "new";

  useEffect(() => setAsked(NOTHING_ASKED), [key]);

  const conversationList = (
    <ConversationList conversations={conversations} current={here} open={openConversation} begin={beginNew} changed={listChanged} />
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
      preview={preview}
      changed={bump}
      canChange={!merged}
    />
  );

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
      <TopBar title={title} path={path} paths={paths} narrow={narrow} openBranch={openBranch} show={show} />
      {narrow ? (
        <ConversationsDrawer open={opened?.over === "conversations"} close={close}>{conversationList}</ConversationsDrawer>
      ) : (
        <aside className="side">{conversationList}</aside>
      )}
      <main className="main">
        <TabList className="tabs" selectedValue={shownTab} onTabSelect={(_, data) => setTab(data.value as Tabs)}>
          <Tab value="chat" id="tab-chat">Chat</Tab>
          {!wide && <Tab value="files" id="tab-files">Files{files?.length ? ` (${files.length})` : ""}</Tab>}
          <Tab value="terminal" id="tab-terminal">Terminal</Tab>
          <Tab value="review" id="tab-review">Review</Tab>
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
            place={key}
            state={state}
            actions={actions}
            wanted={wanted}
            again={(pending) => store?.again(pending)}
            drop={(pending) => store?.drop(pending)}
            welcome={
              <>
                {tour && <Tour end={endTour} />}
                <Welcome
                  model={health === null ? undefined : health.model}
                  pick={pick}
                  ask={(idea) => guarded(work.ask(idea))}
                  terminal={() => setTab("terminal")}
                />
              </>
            }
          >
            {excel && !merged && !noModel && <SelectionBar selection={excel.selection} />}
            <Composer
              disabled={merged || noModel}
              reason={noModel ? "There is no language model yet" : merged ? "This branch was merged" : ""}
              pick={pick}
              send={work.ask}
              commands={commands}
              mode={
                <ModePicker
                  mode={mode}
                  until={until}
                  disabled={merged || noModel}
                  choose={(request) => chooseMode(request).catch((error: unknown) => {
                    setProblem(foundError(error));
                    throw error;
                  })}
                />
              }
            />
          </Chat>
        )}
        {shownTab === "files" && <div className="column files-column">{filesPanel}</div>}
        {shownTab === "terminal" && (
          <Terminal
            place={key}
            state={state}
            actions={actions}
            disabled={merged}
            run={work.run}
            again={(pending) => store?.again(pending)}
            drop={(pending) => store?.drop(pending)}
          />
        )}
        {shownTab === "review" && (
          <ReviewPanel
            key={key}
            path={path}
            files={files ?? NO_FILES}
            part={part}
            setPart={setPart}
            asked={asked}
            setAsked={setAsked}
            selected={excel?.selection.address ?? null}
            revision={state.turns.filter((turn) => turn.finishedAt !== null).length}
            show={actions.show}
            preview={preview}
          />
        )}
      </main>
      {wide && <aside className="side files-side">{filesPanel}</aside>}
      {dragging && <div className="drop-here" aria-hidden="true"><p>Drop files to add them</p></div>}
      <Dialogs
        opened={opened}
        show={show}
        close={close}
        commands={commands}
        path={path}
        source={source}
        openBranch={openBranch}
        health={health}
        inExcel={excel !== null}
        look={look}
        choose={choose}
      />
    </div>
  );
}

function ConversationsDrawer({ open, close, children }: { open: boolean; close: () => void; children: React.ReactNode }) {
  return (
    <OverlayDrawer open={open} onOpenChange={(_, data) => !data.open && close()} position="start" size="small" aria-label="Conversations">
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
