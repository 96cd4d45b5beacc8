// Conditional formats: kept as what they are, put back where they were.
import { hasApi, WorkbookProblem } from "../problems";
import { boxOf, cellName, type Job, localAddress } from "../operations/job";

export interface HeldRule {
  type: string;
  /** Its ranges, without the sheet, with commas between them. */
  address: string;
  priority: number;
  stopIfTrue: boolean | null;
  /** What is set on the object of its type. */
  rule: Record<string, unknown>;
  /** Fill, font and number format; null for bars, scales and icons, which have them in `rule`. */
  format: HeldLook | null;
}
interface HeldLook {
  fill: string;
  font: Record<string, unknown>;
  numberFormat: unknown;
  borders: Record<string, { color: string; style: string }>;
}

export const MOST_RULES = 200;
type Any = Record<string, unknown>;
const FONT = ["bold", "color", "italic", "strikethrough", "underline"] as const;
const EDGES = ["bottom", "left", "right", "top"] as const;
/** Type → the property of a conditional format that has its rule, and what is read of that. */
const KINDS: Record<string, { part: string; read: string[]; looks: boolean }> = {
  Custom: { part: "custom", read: [], looks: true },
  CellValue: { part: "cellValue", read: ["rule"], looks: true },
  ContainsText: { part: "textComparison", read: ["rule"], looks: true },
  TopBottom: { part: "topBottom", read: ["rule"], looks: true },
  PresetCriteria: { part: "preset", read: ["rule"], looks: true },
  ColorScale: { part: "colorScale", read: ["criteria"], looks: false },
  IconSet: { part: "iconSet", read: ["style", "criteria", "reverseIconOrder", "showIconOnly"], looks: false },
  DataBar: { part: "dataBar", read: ["axisColor", "axisFormat", "barDirection", "lowerBoundRule", "upperBoundRule", "showDataBarOnly"], looks: false },
};
const BARS = {
  positiveFormat: ["borderColor", "fillColor", "gradientFill"],
  negativeFormat: ["borderColor", "fillColor", "matchPositiveBorderColor", "matchPositiveFillColor"],
};

/** The rules that touch *range*, each with its object; null where there are too many, or this Excel can't give them. */
async function read(job: Job, range: Excel.Range): Promise<{ rule: HeldRule; object: Excel.ConditionalFormat }[] | null> {
  if (!hasApi("1.9")) return null; // before that, the ranges of a rule are not known
  const all = range.conditionalFormats.load("items/type,items/priority,items/stopIfTrue");
  await job.sync();
  if (all.items.length > MOST_RULES) return null;
  const taken = all.items.flatMap((object) => {
    const kind = KINDS[object.type];
    return kind ? [{ object, kind, part: (object as unknown as Record<string, Excel.CustomConditionalFormat>)[kind.part]!, areas: object.getRanges().load("address") }] : [];
  });
  for (const { object, kind, part } of taken) {
    if (kind.read.length > 0) part.load(kind.read.join(","));
    if (object.type === "Custom") part.rule.load("formula,formulaR1C1");
    if (kind.looks) loadLook(part.format);
    if (object.type === "DataBar") for (const [name, read] of Object.entries(BARS)) (part as unknown as Record<string, Excel.Range>)[name]!.load(read.join(","));
  }
  await job.sure();
  const found = taken.map(({ object, kind, part, areas }) => ({
    object,
    rule: {
      type: object.type, address: areas.address.split(",").map(localAddress).join(","), priority: object.priority, stopIfTrue: object.stopIfTrue,
      rule: plain(ruleOf(object.type, kind.read, part)), format: kind.looks ? plain(lookOf(part.format)) : null,
    },
  }));
  return found.sort((a, b) => a.rule.priority - b.rule.priority);
}

const plain = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

function loadLook(format: Excel.ConditionalRangeFormat): void {
  format.load("numberFormat");
  format.fill.load("color");
  format.font.load(FONT.join(","));
  for (const edge of EDGES) format.borders[edge].load("color,style");
}

const lookOf = (format: Excel.ConditionalRangeFormat): HeldLook => ({
  fill: format.fill.color,
  font: Object.fromEntries(FONT.map((name) => [name, format.font[name]])),
  numberFormat: format.numberFormat,
  borders: Object.fromEntries(EDGES.map((edge) => [edge, { color: format.borders[edge].color, style: format.borders[edge].style }])),
});

function ruleOf(type: string, read: string[], part: Excel.CustomConditionalFormat): Any {
  if (type === "Custom") return { formula: part.rule.formula };
  const found: Any = Object.fromEntries(read.map((name) => [name, (part as unknown as Any)[name]]));
  if (type === "DataBar") {
    for (const [name, inner] of Object.entries(BARS)) {
      const format = (part as unknown as Record<string, Any>)[name]!;
      found[name] = Object.fromEntries(inner.map((each) => [each, format[each]]));
    }
  }
  return found;
}

export const readRules = async (job: Job, range: Excel.Range): Promise<HeldRule[] | null> =>
  (await read(job, range))?.map((each) => each.rule) ?? null;

const same = (a: HeldRule, b: HeldRule): boolean =>
  a.address === b.address && looksLike(a, b) && a.stopIfTrue === b.stopIfTrue;
const looksLike = (a: HeldRule, b: HeldRule): boolean =>
  a.type === b.type && JSON.stringify([a.rule, a.format]) === JSON.stringify([b.rule, b.format]);

type Box = ReturnType<typeof boxOf>;
const boxes = (address: string): Box[] => address.split(",").map(boxOf);
const touch = (a: Box, b: Box): boolean =>
  a.row < b.row + b.rows && b.row < a.row + a.rows && a.column < b.column + b.columns && b.column < a.column + a.columns;
const within = (a: Box, b: Box): boolean =>
  a.row >= b.row && a.column >= b.column && a.row + a.rows <= b.row + b.rows && a.column + a.columns <= b.column + b.columns;

/**
 * Make the rules that touch *place* those of *held*; rules that are there already are left alone.
 *
 * A rule that was cleared from a part of its range goes on over the rest: such a rest is replaced by the whole rule.
 */
export async function putRules(job: Job, sheet: Excel.Worksheet, place: Box, held: readonly HeldRule[]): Promise<void> {
  const now = (await read(job, sheet.getRange()))
    ?? (await readEach(job, sheet, [place, ...held.flatMap((rule) => boxes(rule.address))]));
  if (now === null) {
    if (held.length === 0) return;
    throw new WorkbookProblem("formats-not-put-back", `${held.length} conditional formats could not be put back: the range has more than ${MOST_RULES} now.`, "Put them back by Excel's own Undo, or remove some of the range's formats and try again.");
  }
  const missing = held.filter((rule) => !now.some((each) => same(each.rule, rule)));
  for (const { rule, object } of now) {
    if (held.some((each) => same(each, rule))) continue;
    const rest = missing.some((each) => looksLike(each, rule) && boxes(rule.address).every((box) => boxes(each.address).some((whole) => within(box, whole))));
    if (rest || boxes(rule.address).some((box) => touch(box, place))) object.delete();
  }
  // A new rule comes first; it is moved to its place before the next one is added.
  for (const rule of missing) add(sheet, rule);
  await job.sync();
}

/** The rules that touch *areas*, for a sheet that has too many to read all; null where an area has. */
async function readEach(job: Job, sheet: Excel.Worksheet, areas: readonly Box[]): ReturnType<typeof read> {
  const found = new Map<number, { rule: HeldRule; object: Excel.ConditionalFormat }>();
  for (const area of areas) {
    const some = await read(job, sheet.getRange(`${cellName(area.row, area.column)}:${cellName(area.row + area.rows - 1, area.column + area.columns - 1)}`));
    if (some === null) return null;
    for (const each of some) found.set(each.rule.priority, each);
  }
  return [...found.values()].sort((a, b) => a.rule.priority - b.rule.priority);
}

function add(sheet: Excel.Worksheet, held: HeldRule): void {
  const made = sheet.getRanges(held.address).conditionalFormats.add(held.type as Excel.ConditionalFormatType);
  const part = (made as unknown as Record<string, Excel.CustomConditionalFormat>)[KINDS[held.type]!.part]!;
  if (held.type === "Custom") part.rule.formula = String(held.rule.formula);
  else {
    for (const [name, value] of Object.entries(held.rule)) {
      if (name in BARS) Object.assign((part as unknown as Record<string, object>)[name]!, value);
      else (part as unknown as Any)[name] = value;
    }
  }
  if (held.format) look(part.format, held.format);
  if (held.stopIfTrue !== null) made.stopIfTrue = held.stopIfTrue;
  made.priority = held.priority;
}

/** Only what the rule sets is set: an empty colour is none. */
function look(format: Excel.ConditionalRangeFormat, held: HeldLook): void {
  if (held.fill) format.fill.color = held.fill;
  for (const [name, value] of Object.entries(held.font)) {
    if (value !== null && value !== "" && value !== "None") (format.font as unknown as Any)[name] = value;
  }
  if (held.numberFormat) format.numberFormat = held.numberFormat;
  for (const edge of EDGES) {
    const border = held.borders[edge];
    if (!border || border.style === "None" || !border.style) continue;
    format.borders[edge].style = border.style as Excel.ConditionalRangeBorderLineStyle;
    if (border.color) format.borders[edge].color = border.color;
  }
}
