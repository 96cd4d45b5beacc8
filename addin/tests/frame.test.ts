import { describe, expect, it } from "vitest";
import { columnName, columnWords, cellText, letter, rowKind } from "../src/files/cells";
import { problemOf } from "../src/files/uploads";
import { append, plain, visible } from "../src/outputs/fold";
import { bareTables, compareCells, frameFromHtml, numberIn } from "../src/outputs/frame";
import { placeFromHash } from "../src/state/place";
import { waitBefore } from "../src/state/connection";
import { duration, size } from "../src/parts/words";
import { HOSTILE } from "./hostile";

const PIVOT = `<div><style scoped>.dataframe tbody tr th { vertical-align: top; }</style>
<table border="1" class="dataframe"><thead>
<tr style="text-align: right;"><th>Quarter</th><th>Q1</th><th>Q2</th></tr>
<tr><th>Region</th><th></th><th></th></tr></thead>
<tbody><tr><th>East &amp; West</th><td>1.5</td><td>NaN</td></tr></tbody></table><p>1 rows × 2 columns</p></div>`;

describe("a frame", () => {
  it("is read with its index, its header in one row, and its size", () => {
    expect(frameFromHtml(PIVOT)).toEqual({
      header: [["Region / Quarter", "Q1", "Q2"]],
      rows: [["East & West", "1.5", "NaN"]],
      index: 1,
      note: "1 rows × 2 columns",
    });
  });

  it("keeps cells that span rows and columns", () => {
    const html = `<table class="dataframe"><thead><tr><th></th><th></th><th colspan="2">Sales</th></tr><tr><th></th><th></th><th>min</th><th>max</th></tr></thead>
      <tbody><tr><th rowspan="2">A</th><th>x</th><td>1</td><td>2</td></tr><tr><th>y</th><td>3</td><td>4</td></tr></tbody></table>`;

    expect(frameFromHtml(html)).toMatchObject({
      header: [["", "", "Sales", "Sales"], ["", "", "min", "max"]],
      rows: [["A", "x", "1", "2"], ["A", "y", "3", "4"]],
    });
  });

  it.each(["<!--", "<style", "<script>", "<a", "</td", "<tr colspan"])("of unfinished %s is read at once", (piece) => {
    const bare = bareTables(piece.repeat(300_000));

    expect(bare).not.toContain("<");
  });

  it("is nothing where there is none", () => {
    expect(frameFromHtml("<p>dataframe</p>")).toBeNull();
    expect(frameFromHtml("<table><tr><td>1</td></tr></table>")).toBeNull();
  });

  it.each(HOSTILE)("has only bare tags of tables: %s", (attack) => {
    const html = `<table class="dataframe"><tbody><tr ${attack}><td ${attack}>${attack}</td></tr></tbody></table>${attack}`;
    const bare = bareTables(html);

    expect(bare.replace(/<\/?(table|thead|tbody|tr|th|td|p)( (row|col)span="?\d+"?)*( class="dataframe")?>/g, "")).not.toContain("<");
  });
});

describe("cells", () => {
  it("are ordered as numbers, then texts, then what is missing", () => {
    expect(["b", "NaN", "10", "2", "1,000.5", "a", "-3"].sort(compareCells)).toEqual(["-3", "2", "10", "1,000.5", "a", "b", "NaN"]);
  });

  it("are numbers with separators, signs and percents, and nothing else", () => {
    expect(["1,250.5", "-3", "12%", "1e3", ".5"].map(numberIn)).toEqual([1250.5, -3, 12, 1000, 0.5]);
    expect(["", "01/04/2026", "1.2.3", "abc", "Infinity"].map(numberIn)).toEqual([null, null, null, null, null]);
  });

  it("of a preview are texts", () => {
    expect(["x", 1.5, true, null, { date: "2026-01-05" }, { error: "#N/A" }].map((value) => cellText(value))).toEqual([
      "x", "1.5", "true", "", "2026-01-05", "#N/A",
    ]);
  });

  it("have Excel's letters", () => {
    expect([0, 25, 26, 701, 702, 16383].map(letter)).toEqual(["A", "Z", "AA", "ZZ", "AAA", "XFD"]);
  });
});

describe("a profile", () => {
  const sheet = { name: "Q2", tables: [{ header_rows: [3], totals: [{ row: 52, label: "Grand total", ties: false }] }] };

  it("marks header rows and totals", () => {
    expect(rowKind(sheet, 3)?.kind).toBe("row-header");
    expect(rowKind(sheet, 52)?.why).toContain("does not add up");
    expect(rowKind(sheet, 4)).toBeNull();
  });

  it("has names of columns as Python writes them", () => {
    expect(["'Order Date'", '"it\'s"', "'two\\nlines'", 2024].map(columnName)).toEqual(["Order Date", "it's", "two lines", "2024"]);
  });

  it("says what to look at in a column", () => {
    expect(columnWords({ name: "A", kind: "date", stored_as: "text" })).toEqual({ words: "date, kept as text", warning: false });
    expect(columnWords({ name: "B", kind: "number", strays: ["n/a"] })).toMatchObject({ warning: true });
  });
});

describe("words", () => {
  it("lose escapes and control characters", () => {
    expect(plain("\x1b[31mred\x1b[0m\x07 \x1b]0;title\x07x")).toBe("red x");
    expect(visible(append("", "\x1b[2K10 %\r\x1b[2K20 %"))).toBe("20 %");
  });

  it("give sizes and times", () => {
    expect([0, 999, 1000, 999_999, 8_000_000].map(size)).toEqual(["0 B", "999 B", "1.0 kB", "1.0 MB", "8.0 MB"]);
    expect([0, 900, 12_400, 65_000].map(duration)).toEqual(["0.0 s", "0.9 s", "12 s", "1 min 05 s"]);
  });
});

it("refuses empty and large files before they are sent", () => {
  expect(problemOf({ name: "a.xlsx", size: 0 }, 100)?.message).toContain("empty");
  expect(problemOf({ name: "a.xlsx", size: 101 }, 100)?.code).toBe("file-too-large");
  expect(problemOf({ name: "a.xlsx", size: 100 }, 100)).toBeNull();
});

it("opens only what an address can name", () => {
  expect(placeFromHash("#conv_1")).toEqual({ conversation: "conv_1", path: "main" });
  expect(placeFromHash("#conv_1/what-if")).toEqual({ conversation: "conv_1", path: "what-if" });
  expect(["", "#new", "#../x", "#a?b", "#%3Cscript%3E"].map(placeFromHash)).toEqual([null, null, null, null, null]);
});

it("waits longer after each failure, up to a limit", () => {
  const waits = [0, 1, 2, 3, 20].map((attempt) => waitBefore(attempt, 1));

  expect(waits).toEqual([500, 1000, 2000, 4000, 15_000]);
  expect(waitBefore(0, 0)).toBe(250);
});
