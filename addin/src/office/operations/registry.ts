// What this pane can do in this Excel: each tool with the version of the API that it needs.
import type { Schemas } from "../../api/events";
import { hasApi, tooOld, WorkbookProblem } from "../problems";
import { inExcel, type Workbook } from "../workbook";
import { conditionalFormat, formatCells } from "./format";
import { Job } from "./job";
import { comments, createChart, createPivot } from "./objects";
import { getWorkbookOverview, readRange, readSelectedCells, readWhole, searchCells, traceDependencies } from "./read";
import { modifyStructure } from "./structure";
import { fillFormula, writeCells } from "./write";

type Tools = Schemas["OfficeTools"];
export type ToolName = keyof Tools;
interface Operation<A> {
  needs: string;
  run: (job: Job, asked: A) => Promise<object>;
}
type Operations = { [K in ToolName]?: Operation<Tools[K]> };

const OPERATIONS: Operations = {
  get_workbook_overview: { needs: "1.4", run: getWorkbookOverview },
  read_range: { needs: "1.4", run: readRange },
  read_selection: { needs: "1.4", run: readSelectedCells },
  search_cells: { needs: "1.9", run: searchCells },
  trace_dependencies: { needs: "1.15", run: traceDependencies },
  write_cells: { needs: "1.4", run: writeCells },
  fill_formula: { needs: "1.4", run: fillFormula },
  python_transform_range: { needs: "1.4", run: readWhole }, // what Python makes of it comes back as write_cells
  format_cells: { needs: "1.4", run: formatCells },
  conditional_format: { needs: "1.6", run: conditionalFormat },
  comments: { needs: "1.11", run: comments },
  modify_structure: { needs: "1.4", run: modifyStructure },
  create_chart: { needs: "1.7", run: createChart },
  create_pivot: { needs: "1.8", run: createPivot },
};

/** Names of the tools that this Excel can do. */
export const supportedTools = (): ToolName[] =>
  (Object.keys(OPERATIONS) as ToolName[]).filter((name) => hasApi(OPERATIONS[name]!.needs));

/** Do *tool* in the workbook that was *meant*; everything that goes wrong is a problem in words. */
export async function perform(tool: string, asked: unknown, meant: Workbook, signal: AbortSignal): Promise<object> {
  const operation = Object.hasOwn(OPERATIONS, tool) ? (OPERATIONS[tool as ToolName] as Operation<unknown>) : undefined;
  if (!operation) throw new WorkbookProblem("unknown-tool", `This pane does not know ${tool.slice(0, 60)}.`, "Load the pane again.");
  if (!hasApi(operation.needs)) throw tooOld();
  let job: Job | null = null;
  try {
    return await inExcel((context) => {
      job = new Job(context, meant, signal);
      return operation.run(job, asked);
    });
  } catch (error) {
    const done = (job as Job | null)?.done ?? "";
    if (error instanceof Error && done && !error.message.includes(done)) error.message = `${error.message} ${done}`;
    throw error;
  }
}
