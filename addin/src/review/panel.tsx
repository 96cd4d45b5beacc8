import { Tab, TabList } from "@fluentui/react-components";
import type { PathName } from "../api/client";
import type { Schemas } from "../api/events";
import { NotebookView } from "./notebook";
import type { Asked } from "./asked";
import { TraceView } from "./trace";

export type Part = "trace" | "notebook";

/** Where numbers come from, and the record of how they were made. */
export function ReviewPanel({ path, files, part, setPart, asked, setAsked, selected, revision, show, preview }: {
  path: PathName | null;
  files: readonly Schemas["File"][];
  part: Part;
  setPart: (part: Part) => void;
  asked: Asked;
  setAsked: (asked: Asked) => void;
  selected: string | null;
  revision: number;
  show: (cell: string) => void;
  preview: (name: string) => void;
}) {
  return (
    <div className="log review" tabIndex={0} role="region" aria-label="Review">
      <div className="column">
        <TabList size="small" selectedValue={part} onTabSelect={(_, data) => setPart(data.value as Part)}>
          <Tab value="trace" id="tab-trace">Trace a cell</Tab>
          <Tab value="notebook" id="tab-notebook">Notebook</Tab>
        </TabList>
        {path === null ? (
          <p className="quiet empty">Nothing is recorded yet. Ask something, or run code.</p>
        ) : part === "trace" ? (
          <TraceView path={path} files={files} asked={asked} setAsked={setAsked} selected={selected} actions={{ show, preview }} />
        ) : (
          <NotebookView path={path} files={files} revision={revision} show={show} />
        )}
      </div>
    </div>
  );
}
