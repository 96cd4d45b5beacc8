import { Spinner } from "@fluentui/react-components";
import { CheckmarkCircleRegular, DismissCircleRegular } from "@fluentui/react-icons";
import type { OfficeStep } from "../state/model";

const DOING: Record<string, string> = {
  get_workbook_overview: "Looking at the workbook",
  read_range: "Reading cells",
  read_selection: "Reading the selection",
  search_cells: "Searching",
  trace_dependencies: "Following a formula",
  write_cells: "Writing cells",
  fill_formula: "Filling in a formula",
  python_transform_range: "Reading cells for Python",
  format_cells: "Formatting",
  conditional_format: "Setting a conditional format",
  comments: "Comments",
  modify_structure: "Changing rows, columns or sheets",
  create_chart: "Making a chart",
  create_pivot: "Making a PivotTable",
};

/** One line of what is done, or was done, in the open workbook; its details open. */
export function OfficeLine({ step }: { step: OfficeStep }) {
  const { arguments: asked, error, status, summary, tool, workbook } = step;
  const place = [asked.sheet, asked.range].filter((each) => typeof each === "string").join("!");
  const doing = `${DOING[tool] ?? tool.replaceAll("_", " ")}${place ? `: ${place}` : ""}`;
  const words = error ? `${doing}. ${error.message}` : status === "stopped" ? `${doing}: stopped` : (status === "ok" && summary) || doing;
  return (
    <details className="office-line">
      <summary className="breakable">
        {status === "running" && <Spinner size="extra-tiny" aria-hidden="true" />}
        {status === "ok" && <CheckmarkCircleRegular className="good" />}
        {(status === "error" || status === "stopped") && <DismissCircleRegular className={error ? "bad" : "quiet"} />}
        <span className="grow">{words}</span>
      </summary>
      {error?.hint && <p className="breakable">{error.hint}</p>}
      <pre className="printed" tabIndex={0} aria-label="What was asked of Excel">
        {`${tool} in ${workbook}\n${JSON.stringify(asked, null, 1)}`}
      </pre>
    </details>
  );
}
