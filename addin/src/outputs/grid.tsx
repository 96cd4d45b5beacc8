import { memo, useMemo, useRef, useState, type ReactNode } from "react";
import { compareCells, numberIn } from "./frame";

const ROW = 28;
const VIEW_ROWS = 12;
const OVERSCAN = 8;
const NEAR_END = 1500;

export interface GridProps {
  header: readonly (readonly string[])[];
  rows: readonly (readonly string[])[];
  /** How many columns at the left are headers of their row. */
  index: number;
  label: string;
  sortable?: boolean;
  /** What is special about a row, by its place: its style, and why. */
  mark?: (row: number) => { kind: string; why: string } | null;
  footer?: ReactNode;
  /** The end comes into view. */
  nearEnd?: () => void;
}

type Sorting = { column: number; down: boolean } | null;

function ordered(rows: GridProps["rows"], sorting: Sorting): number[] {
  const places = rows.map((_, place) => place);
  if (sorting === null) return places;
  const cell = (place: number) => rows[place]?.[sorting.column] ?? "";
  const missingLast = (text: string) => text === "" || text === "NaN" || text === "NaT" || text === "None";
  return places.sort((a, b) => {
    const order = compareCells(cell(a), cell(b));
    const turned = sorting.down && !missingLast(cell(a)) && !missingLast(cell(b)) ? -order : order;
    return turned || a - b;
  });
}

/** A table of texts: its header stays in view, and of its rows only those in view are drawn. */
export const Grid = memo(function Grid({ header, rows, index, label, sortable = true, mark, footer, nearEnd }: GridProps) {
  const [sorting, setSorting] = useState<Sorting>(null);
  const [top, setTop] = useState(0);
  const scroller = useRef<HTMLDivElement>(null);
  const order = useMemo(() => ordered(rows, sorting), [rows, sorting]);
  const numeric = useMemo(() => numericColumns(rows), [rows]);

  const first = Math.max(0, Math.floor(top / ROW) - OVERSCAN);
  const last = Math.min(order.length, first + VIEW_ROWS + 2 * OVERSCAN + 10);
  // A row that comes takes the place of one that went: its texts change, no elements are made.
  const slots = last - first;
  const columns = Math.max(0, ...header.map((row) => row.length), rows[0]?.length ?? 0);
  // A sheet's columns mix titles and numbers: there each cell is aligned by itself.
  const isNumber = (column: number, text: string) => numeric[column] || (!sortable && numberIn(text) !== null);
  const sort = (column: number) =>
    setSorting((now) =>
      now?.column !== column ? { column, down: false } : now.down ? null : { column, down: true },
    );

  return (
    <figure className="grid">
      <div
        ref={scroller}
        className="scroller grid-scroller"
        tabIndex={0}
        role="region"
        aria-label={label}
        onScroll={(event) => {
          const { scrollTop, clientHeight, scrollHeight } = event.currentTarget;
          setTop(scrollTop);
          if (scrollHeight - scrollTop - clientHeight < NEAR_END) nearEnd?.();
        }}
      >
        <table aria-rowcount={rows.length + header.length} aria-label={label}>
          <thead>
            {header.map((row, level) => (
              <tr key={level}>
                {row.map((text, column) => {
                  const sorts = sortable && level === header.length - 1;
                  const direction = sorting?.column === column ? (sorting.down ? "descending" : "ascending") : "none";
                  return (
                    <th
                      key={column}
                      scope="col"
                      className={column >= index && numeric[column] ? "number" : undefined}
                      {...(sorts ? { "aria-sort": direction } : {})}
                    >
                      {sorts ? (
                        <button type="button" className="sort" onClick={() => sort(column)}>
                          {text || <span className="visually-hidden">row</span>}
                          <span aria-hidden="true" className="arrow">
                            {direction === "none" ? "" : direction === "ascending" ? " ▲" : " ▼"}
                          </span>
                        </button>
                      ) : (
                        text
                      )}
                    </th>
                  );
                })}
              </tr>
            ))}
          </thead>
          <tbody>
            {first > 0 && <Spacer rows={first} columns={columns} />}
            {order.slice(first, last).map((place, offset) => {
              const marked = mark?.(place) ?? null;
              return (
                <tr
                  key={(first + offset) % slots}
                  aria-rowindex={first + offset + header.length + 1}
                  className={marked?.kind}
                  title={marked?.why}
                >
                  {(rows[place] ?? []).map((text, column) =>
                    column < index ? (
                      <th key={column} scope="row">{text}</th>
                    ) : (
                      <td key={column} className={isNumber(column, text) ? "number" : undefined}>{text}</td>
                    ),
                  )}
                </tr>
              );
            })}
            {last < order.length && <Spacer rows={order.length - last} columns={columns} />}
          </tbody>
        </table>
      </div>
      {footer ? <figcaption className="quiet">{footer}</figcaption> : null}
    </figure>
  );
});

function Spacer({ rows, columns }: { rows: number; columns: number }) {
  return (
    <tr aria-hidden="true">
      <td colSpan={columns} className="spacer" style={{ height: rows * ROW }} />
    </tr>
  );
}

function numericColumns(rows: GridProps["rows"]): boolean[] {
  const sample = rows.slice(0, 200);
  return (rows[0] ?? []).map((_, column) => {
    const filled = sample.map((row) => row[column] ?? "").filter((text) => text !== "" && text !== "NaN" && text !== "...");
    return filled.length > 0 && filled.every((text) => numberIn(text) !== null);
  });
}
