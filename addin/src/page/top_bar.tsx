import { Button } from "@fluentui/react-components";
import { NavigationRegular, NotebookRegular, QuestionCircleRegular, SettingsRegular } from "@fluentui/react-icons";
import { notebookAddress, type PathName } from "../api/client";
import type { Schemas } from "../api/events";
import { BranchMenu } from "../conversations/branches";
import type { Opened } from "./opened";

/** Title, branch, notebook, settings; in a narrow window the way to the conversations. */
export function TopBar({ title, path, paths, narrow, openBranch, show }: {
  title: string;
  path: PathName | null;
  paths: readonly Schemas["Path"][];
  narrow: boolean;
  openBranch: (name: string) => void;
  show: (opened: Opened) => void;
}) {
  return (
    <header className="top">
      {narrow && (
        <Button
          appearance="subtle"
          icon={<NavigationRegular />}
          aria-label="Conversations"
          id="menu"
          onClick={() => show({ over: "conversations" })}
        />
      )}
      <img src="/addin/favicon.svg" alt="" width="24" height="24" />
      <h1 title={title}>{title}</h1>
      {path && <BranchMenu paths={paths} current={path.path} open={openBranch} merge={() => show({ over: "merge" })} />}
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
      {!narrow && <Button appearance="subtle" icon={<QuestionCircleRegular />} aria-label="Help" onClick={() => show({ over: "help" })} />}
      <Button appearance="subtle" icon={<SettingsRegular />} aria-label="Settings" onClick={() => show({ over: "settings" })} />
    </header>
  );
}
