import type { Schemas } from "../api/events";
import type { PathName } from "../api/client";
import { BranchDialog, MergeDialog } from "../conversations/branches";
import type { Command } from "../chat/commands";
import { UndoDialog } from "../conversations/undo";
import { PreviewDialog } from "../files/preview";
import { HelpDialog } from "../help/help";
import { HistoryDialog } from "../recovery/history_dialog";
import { SettingsPanel } from "../settings/panel";
import type { Surroundings } from "./gate";
import type { Opened } from "./opened";

/** What lies over the page now. */
export function Dialogs({ opened, show, close, commands, path, source, openBranch, health, inExcel, look, choose }: Pick<Surroundings, "look" | "choose"> & {
  opened: Opened | null;
  show: (opened: Opened) => void;
  commands: readonly Command[];
  close: () => void;
  path: PathName | null;
  /** The path that this one branched off. */
  source: string;
  openBranch: (name: string) => void;
  health: Schemas["Health"] | null;
  inExcel: boolean;
}) {
  if (opened === null) return null;
  if (opened.over === "settings") return <SettingsPanel health={health} look={look} choose={choose} help={() => show({ over: "help" })} close={close} />;
  if (opened.over === "help") return <HelpDialog commands={commands} close={close} />;
  if (path === null) return null;
  switch (opened.over) {
    case "preview":
      return <PreviewDialog path={path} name={opened.name} close={close} />;
    case "branch":
      return <BranchDialog path={path} turn={opened.turn} close={close} done={openBranch} />;
    case "undo":
      return <UndoDialog path={path} asked={opened.asked} close={close} />;
    case "merge":
      return <MergeDialog path={path} into={source} close={close} done={() => openBranch(source)} />;
    case "history":
      return <HistoryDialog path={path} inExcel={inExcel} close={close} />;
    default:
      return null;
  }
}
