import { Spinner } from "@fluentui/react-components";
import { Suspense, useCallback, useEffect, useMemo, useReducer, useRef, useState } from "react";
import type { PathName } from "../api/client";
import { onFailedDownload } from "../api/downloads";
import type { Schemas } from "../api/events";
import { ErrorCard } from "../chat/cards";
import { canUndo } from "../state/undo";
import { ConversationList } from "../conversations/list";
import { titleOf } from "../conversations/title";
import { FilesPanel, useFiles } from "../files/panel";
import { unfinishedOf } from "../files/resumable";
import { Uploads } from "../files/uploads";
import { keepTour } from "../help/tour";
import { useMode } from "../modes/use_mode";
import { useExcel } from "../office/use_excel";
import { lazily, loadTheRest } from "../parts/lazily";
import { LinkBanner } from "../parts/link_banner";
import { useMedia } from "../parts/media";
import { useFileDrop } from "../parts/use_file_drop";
import type { Part } from "../review/panel";
import { NOTHING_ASKED } from "../review/asked";
import { useMay } from "../state/may";
import { EMPTY } from "../state/model";
import { foundError } from "../state/path_store";
import { usePath } from "../state/use_path";
import { ChatTab } from "./chat_tab";
import { commandsOf } from "./commands";
import type { Surroundings } from "./gate";
import type { Opened } from "./opened";
import { ConversationsPlace, ExcelAway, FilePicker, PageTabs, type TabName } from "./parts";
import { TopBar } from "./top_bar";
import { useActions } from "./use_actions";
import { useFacts } from "./use_facts";
import { useWork } from "./use_work";

const Dialogs = lazily(() => import("./dialogs").then((m) => m.Dialogs));
const ReviewPanel = lazily(() => import("../review/panel").then((m) => m.ReviewPanel));
const Terminal = lazily(() => import("../terminal/terminal").then((m) => m.Terminal));
const ExcelRequests = lazily(() => import("./excel_requests").then((m) => m.ExcelRequests));
const USUAL_LIMIT = 200_000_000;
const NO_FILES: readonly Schemas["File"][] = [];
const NOTHING_TO_UNDO = { code: "nothing-to-undo", message: "There is no request whose files can be undone.", hint: "", details: {} };

export function Page({ look, choose, host, conversations, list, ended }: Surroundings & {
  conversations: readonly Schemas["Conversation"][];
  list: () => Promise<void>;
  ended: () => void;
}) {
  const { store, open } = usePath();
  const may = useMay();
  const state = store?.state ?? EMPTY;
  const path = store?.path ?? null;
  const place = path ? `${path.conversation}/${path.path}` : "new";
  const narrow = useMedia("(max-width: 759px)");
  const wide = useMedia("(min-width: 1180px)");
  const [tab, setTab] = useState<TabName>("chat");
  /** The cell to go to; another object each time. */
  const [wanted, setWanted] = useState<{ cell: string } | null>(null);
  const [part, setPart] = useState<Part>("trace");
  const [asked, setAsked] = useState(NOTHING_ASKED);
  /** How often the tour was asked for. */
  const [tour, setTour] = useState(0);
  const [opened, show] = useState<Opened | null>(null);
  const [revision, bump] = useReducer((before: number) => before + 1, 0);
  const [, redraw] = useReducer((before: number) => before + 1, 0);
  const uploads = useMemo(() => new Uploads(redraw, bump), []);
  const picker = useRef<HTMLInputElement>(null);
  const drafts = { request: useRef(""), code: useRef("") };
  const excel = useExcel(host.excel);
  useEffect(loadTheRest, []);
  const { files, problem: filesProblem } = useFiles(path, state.filesRevision + revision);
  const { health, paths } = useFacts(store);
  const mode = useMode(path?.conversation ?? null, state.modeRevision);
  const work = useWork({ store, open, list, uploads, behind: excel?.selection.behind ?? null, made: mode.begin });
  const { problem, setProblem } = work;
  const goTo = useCallback((cell: string) => {
    setTab("chat");
    setWanted({ cell });
  }, []);
  const actions = useActions({ store, work, insert: excel?.insert ?? null, show, goTo });

  useEffect(() => onFailedDownload((error) => setProblem(foundError(error))), [setProblem]);
  useEffect(() => setAsked(NOTHING_ASKED), [place]);
  useEffect(() => {
    if (store?.link.state === "signed-out") ended();
  }, [store?.link.state, ended]);

  const close = useCallback(() => show(null), []);
  const go = useCallback((to: PathName | null) => {
    show(null);
    setProblem(null);
    open(to);
  }, [open, setProblem]);
  const openConversation = useCallback((id: string) => go({ conversation: id, path: "main" }), [go]);
  const beginNew = useCallback(() => go(null), [go]);
  const here = path?.conversation ?? null;
  const listChanged = useCallback((deleted: string | null) => {
    if (deleted !== null && deleted === here) go(null);
    void list();
  }, [here, go, list]);
  const openBranch = (name: string) => path && go({ conversation: path.conversation, path: name });
  const listed = path === null || store?.link.state !== "live" ? "" : place;
  useEffect(() => {
    if (path === null) uploads.show([]);
    else if (listed) unfinishedOf(path).then((left) => uploads.show(left), () => undefined);
  }, [listed]);
  const attach = useCallback(
    (chosen: Iterable<File>) => may.can("run") && work.attach(chosen, health?.upload_limit_bytes ?? USUAL_LIMIT),
    [work.attach, health, may],
  );
  const dragging = useFileDrop(attach);
  const pick = useCallback(() => picker.current?.click(), []);
  const dismiss = useCallback((id: number) => uploads.dismiss(id), [uploads]);
  const terminal = useCallback(() => setTab("terminal"), []);

  const history = () => store && show({ over: "history" });
  const revert = () => {
    const last = state.turns.findLast(canUndo);
    if (last) actions.undo?.(last.id);
    else setProblem(NOTHING_TO_UNDO);
  };
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
    terminal,
    settings: () => show({ over: "settings" }),
    help: () => show({ over: "help" }),
    tour: () => {
      keepTour(false);
      setTour((before) => before + 1);
      beginNew();
    },
  });

  const conversation = conversations.find((each) => each.id === here);
  const title = conversation ? titleOf(conversation) : "Tallybook";
  const source = paths.find((each) => each.name === path?.path)?.source_path ?? "main";
  const fixed = state.mergedInto !== null || !may.can("run");
  const shownTab = wide && tab === "files" ? "chat" : tab;
  const filesPanel = (
    <FilesPanel
      path={path}
      files={files}
      problem={filesProblem}
      facts={state.fileFacts}
      uploads={uploads.entries}
      dismiss={dismiss}
      pick={pick}
      preview={actions.preview}
      changed={bump}
      canChange={!fixed}
    />
  );

  return (
    <div className={`page ${narrow ? "narrow" : ""} ${wide ? "wide" : ""}`} data-link={store?.link.state ?? "none"}>
      <FilePicker input={picker} attach={attach} />
      <TopBar title={title} path={path} paths={paths} narrow={narrow} openBranch={openBranch} show={show} />
      <ConversationsPlace narrow={narrow} open={opened?.over === "conversations"} close={close}>
        <ConversationList conversations={conversations} current={here} open={openConversation} begin={beginNew} changed={listChanged} />
      </ConversationsPlace>
      <main className="main">
        <PageTabs shown={shownTab} files={wide ? null : (files?.length ?? 0)} choose={setTab} />
        {store && <LinkBanner link={store.link} retry={() => store.reconnect()} begin={beginNew} />}
        {problem && <ErrorCard error={problem} />}
        {host.wanted && !host.excel && <ExcelAway />}
        {shownTab === "chat" && (
          <ChatTab
            key={tour}
            place={place}
            store={store}
            state={state}
            actions={actions}
            work={work}
            wanted={wanted}
            model={health === null ? undefined : health.model}
            mode={mode}
            selection={excel?.selection ?? null}
            draft={drafts.request}
            commands={commands}
            pick={pick}
            terminal={terminal}
          />
        )}
        {shownTab === "files" && <div className="column files-column">{filesPanel}</div>}
        <Suspense fallback={<Spinner className="loading" size="tiny" label="Loading" />}>
        {shownTab === "terminal" && (
          <Terminal
            place={place}
            state={state}
            actions={actions}
            disabled={fixed}
            draft={drafts.code}
            run={work.run}
            again={(pending) => store?.again(pending)}
            drop={(key) => store?.drop(key)}
          />
        )}
        {shownTab === "review" && (
          <ReviewPanel
            key={place}
            path={path}
            files={files ?? NO_FILES}
            part={part}
            setPart={setPart}
            asked={asked}
            setAsked={setAsked}
            selected={excel?.selection.address ?? null}
            revision={state.turns.filter((turn) => turn.finishedAt !== null).length}
            show={goTo}
            preview={actions.preview}
          />
        )}
        </Suspense>
      </main>
      {wide && <aside className="side files-side">{filesPanel}</aside>}
      {dragging && <div className="drop-here" aria-hidden="true"><p>Drop files to add them</p></div>}
      <Suspense>
      {host.excel && <ExcelRequests store={store} />}
      {opened && opened.over !== "conversations" && <Dialogs
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
      />}
      </Suspense>
    </div>
  );
}
