import { Button, Menu, MenuItem, MenuList, MenuPopover, MenuTrigger, Spinner } from "@fluentui/react-components";
import {
  ArrowUndoRegular, BranchForkRegular, CopyRegular, MoreHorizontalRegular, PlayCircleRegular, StopRegular,
  ThumbDislikeFilled, ThumbDislikeRegular, ThumbLikeFilled, ThumbLikeRegular, VideoClipRegular,
} from "@fluentui/react-icons";
import { memo } from "react";
import type { PathName } from "../api/client";
import { CheckLine } from "../facts/checks";
import { AnswerCheckLine, HeldBackLine, NetworkLine, RedactedLine, withoutNotes } from "../facts/lines";
import { Markdown } from "../parts/markdown";
import { duration, elapsed, useNow } from "../parts/words";
import { PlanSteps } from "../modes/plan";
import { PermissionCard } from "../permission/card";
import type { Step, Turn } from "../state/model";
import { canUndo } from "../state/undo";
import { ErrorCard, OtherCard, ResultCard, Sources } from "./cards";
import { CellView } from "./cell";
import { OfficeLine } from "./office_line";

export interface TurnActions {
  path: PathName;
  preview: (name: string) => void;
  branch: ((turn: string) => void) | null;
  undo: ((turn: string) => void) | null;
  cancel: ((turn: string) => void) | null;
  rate: ((turn: string, rating: "up" | "down") => void) | null;
  /** Run code as it is; null where nothing can be run. */
  run: ((code: string, language: string) => void) | null;
  /** Go to a cell in the chat. */
  show: (cell: string) => void;
  /** Put a result workbook into the open one; null outside Excel. Resolves to what was done, in words. */
  insert: ((name: string) => Promise<string>) | null;
}

export const TurnView = memo(function TurnView({ turn, actions }: { turn: Turn; actions: TurnActions }) {
  const made = turn.files.filter((file) => !/^(inputs|excel)\//.test(file.name));
  const ended = turn.finishedAt !== null;
  return (
    <article className="turn" aria-label={turn.request ?? "Code that was run"}>
      {turn.request !== null || turn.kind === "undo" ? (
        <div className="request">{requestWords(turn)}</div>
      ) : (
        <div className="line quiet direct">
          <PlayCircleRegular /> Code run by {turn.user}
        </div>
      )}
      <div className="work">
        {turn.recorded && <p className="line quiet recorded-replies"><VideoClipRegular /> Recorded reply</p>}
        {turn.sources && <Sources sources={turn.sources} route={turn.route} />}
        {turn.plan.length > 0 && <PlanSteps steps={turn.plan} />}
        {turn.steps.map((step, place) => (
          <StepView key={place} step={step} asker={turn.user} open={turn.kind === "execute"} actions={actions} />
        ))}
        {turn.draft && <Markdown text={turn.draft} />}
        {!ended && <Progress turn={turn} cancel={actions.cancel} />}
        {turn.answer && (
          <div className="answer">
            <Markdown text={withoutNotes(turn.answer, turn.answerCheck)} />
          </div>
        )}
        {ended && turn.answerCheck && <AnswerCheckLine check={turn.answerCheck} />}
        {ended && turn.error && (turn.kind !== "execute" || !shownInCell(turn)) && <ErrorCard error={turn.error} />}
        {turn.status === "cancelled" && (
          <p className="line quiet">Cancelled. Variables, files and the notebook are kept.</p>
        )}
        {made.length > 0 && ended && !turn.undone ? (
          <ResultCard path={actions.path} files={made} checks={turn.checks} tieOuts={turn.tieOuts} preview={actions.preview} insert={actions.insert} />
        ) : (
          <CheckLine checks={turn.checks} tieOuts={turn.tieOuts} />
        )}
        {turn.undone && <p className="line quiet">Undone: its files and variables do not count any more.</p>}
        {ended && turn.kind !== "jupyter" && <Foot turn={turn} actions={actions} />}
      </div>
    </article>
  );
});

const requestWords = (turn: Turn): string =>
  turn.kind === "merge"
    ? `Merge of “${(turn.request ?? "").split(":")[0]}”`
    : turn.kind === "undo"
      ? "Undo"
      : (turn.request ?? "");

/** A failure of code that was sent stands in its cell already. */
const shownInCell = (turn: Turn): boolean =>
  turn.steps.some((step) => step.type === "cell" && (step.error !== null || step.outputs.shown.some((o) => o.type === "failure")));

function StepView({ step, asker, open, actions }: { step: Step; asker: string; open: boolean; actions: TurnActions }) {
  switch (step.type) {
    case "text":
      return <Markdown text={step.text} />;
    case "cell":
      return <CellView cell={step} open={open} actions={actions} />;
    case "permission":
      return <PermissionCard step={step} asker={asker} />;
    case "office":
      return <OfficeLine step={step} />;
    case "redacted":
      return <RedactedLine step={step} />;
    case "network":
      return <NetworkLine step={step} />;
    case "held-back":
      return <HeldBackLine step={step} />;
    case "note":
      return <p className={`line note-${step.tone}`}>{step.text}</p>;
    case "other":
      return <OtherCard step={step} />;
  }
}

function Progress({ turn, cancel }: { turn: Turn; cancel: TurnActions["cancel"] }) {
  const now = useNow(true);
  return (
    <div className="progress">
      {turn.status === "waiting" ? null : <Spinner size="tiny" aria-hidden="true" />}
      <span className="grow breakable">{turn.doing} …</span>
      <span className="quiet elapsed">{elapsed(now - turn.startedAt)}</span>
      {cancel && (
        <Button size="small" icon={<StopRegular />} className="cancel" onClick={() => cancel(turn.id)}>
          Cancel
        </Button>
      )}
    </div>
  );
}

function Foot({ turn, actions: { branch, undo, rate } }: { turn: Turn; actions: TurnActions }) {
  const { rating } = turn;
  const took = turn.finishedAt === null ? "" : duration(turn.finishedAt - turn.startedAt);
  return (
    <div className="foot">
      <span className="quiet">{took}</span>
      {rate && turn.kind === "turn" && turn.status === "ok" && (
        <>
          <Button
            size="small"
            appearance="subtle"
            icon={rating === "up" ? <ThumbLikeFilled /> : <ThumbLikeRegular />}
            aria-label="A good answer"
            aria-pressed={rating === "up"}
            onClick={() => rate(turn.id, "up")}
          />
          <Button
            size="small"
            appearance="subtle"
            icon={rating === "down" ? <ThumbDislikeFilled /> : <ThumbDislikeRegular />}
            aria-label="A bad answer"
            aria-pressed={rating === "down"}
            onClick={() => rate(turn.id, "down")}
          />
        </>
      )}
      <Menu>
        <MenuTrigger disableButtonEnhancement>
          <Button size="small" appearance="subtle" icon={<MoreHorizontalRegular />} aria-label="More for this request" />
        </MenuTrigger>
        <MenuPopover>
          <MenuList>
            {branch && (
              <MenuItem icon={<BranchForkRegular />} onClick={() => branch(turn.id)}>
                Branch from here
              </MenuItem>
            )}
            {undo && canUndo(turn) && (
              <MenuItem icon={<ArrowUndoRegular />} onClick={() => undo(turn.id)}>
                {turn.kind === "undo" ? "Undo this undo" : "Undo this request"}
              </MenuItem>
            )}
            <MenuItem
              icon={<CopyRegular />}
              disabled={!turn.answer}
              onClick={() => void navigator.clipboard?.writeText(turn.answer ?? "")}
            >
              Copy the answer
            </MenuItem>
          </MenuList>
        </MenuPopover>
      </Menu>
    </div>
  );
}
