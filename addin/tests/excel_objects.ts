// Objects of the stand-in for Excel: comments, conditional formats, charts, PivotTables, tables.
import { addressOf, boxOf, Collection, ExcelError, Loadable, overlap, type Box, type Queue, type Rule, type Sheet, without } from "./excel_model";

type Any = Record<string, any>;

/** An object of Office.js over *find*: a property is there once it was loaded, and what is set waits for a sync. */
export function thing(context: Queue, find: () => Any | null, names: readonly string[], more: Any = {}): any {
  let gone: boolean | undefined;
  const inner = new (class extends Loadable {
    protected override read(name: string): unknown {
      const it = find();
      gone = it === null;
      if (!it) return undefined;
      if (!names.includes(name)) throw new ExcelError("InvalidArgument", name);
      return structuredClone(it[name]);
    }
    value(name: string): unknown { return this.loaded(name); }
  })(context);
  const own: any = new Proxy(inner, {
    get(target, name: string) {
      if (name in more) return more[name];
      if (name === "load") return (wanted: string) => (target.load(wanted), own);
      if (name === "take_") return (wanted: string) => target.take_(wanted);
      if (name === "isNullObject") {
        if (gone === undefined) throw new ExcelError("PropertyNotLoaded");
        return gone;
      }
      if (names.includes(name)) return target.value(name);
      return undefined;
    },
    set(_, name: string, value: unknown) {
      context.later(() => {
        const it = find();
        if (!it) throw new ExcelError("ItemNotFound");
        it[name] = structuredClone(value);
      });
      return true;
    },
  });
  return own;
}

export function commentOf(context: Queue, sheet: () => Sheet, it: () => Sheet["comments"][number], range: (box: () => Box) => unknown): any {
  const about = () => ({ ...it(), authorName: "Ann" });
  const reply = (place: number) => {
    const text = it().replies[place];
    return thing(context, () => ({ content: text, authorName: "Ann" }), ["content", "authorName"], {
      delete: () => context.later(() => { const each = it(); each.replies = each.replies.filter((known) => known !== text); }),
    });
  };
  const replies = Object.assign(new Collection<any>(context, () => it().replies.map((_, place) => reply(place))), {
    add: (text: string) => context.later(() => it().replies.push(text)),
  });
  const made = thing(context, about, ["content", "authorName", "resolved"], {
    getLocation: () => range(() => boxOf(sheet(), it().cell)),
    replies,
    delete: () => context.later(() => { const each = it(); sheet().comments = sheet().comments.filter((known) => known !== each); }),
  });
  return new Proxy(made, {
    set: (_, name: string, value) => (context.later(() => { (it() as Any)[name] = value; }), true),
  });
}

const PARTS = ["custom", "cellValue", "textComparison", "topBottom", "preset", "colorScale", "iconSet", "dataBar"];
const EDGES = ["bottom", "left", "right", "top"];

/** A conditional format; *it* finds it in its sheet. */
function ruleObject(context: Queue, sheet: () => Sheet, it: () => Rule): any {
  const look = (path: string, fallback: unknown) => ({
    get: () => it().format[path] ?? fallback,
    set: (value: unknown) => { it().format[path] = value; },
  });
  const record = (fields: Record<string, ReturnType<typeof look>>) => thing(context, () => {
    const made = {};
    for (const [name, field] of Object.entries(fields)) Object.defineProperty(made, name, { ...field, enumerable: true });
    return made;
  }, Object.keys(fields));
  const format = () => {
    const made = record({ numberFormat: look("numberFormat", "") });
    const fonts = ["bold", "italic", "strikethrough", "underline"].map((name) => [name, look(`font.${name}`, name === "underline" ? "None" : null)] as const);
    const parts: Any = {
      fill: record({ color: look("fill", "") }),
      font: record({ color: look("font", ""), ...Object.fromEntries(fonts) }),
      borders: Object.fromEntries(EDGES.map((edge) => [edge, record({ color: look(`${edge}.color`, ""), style: look(`${edge}.style`, "None") })])),
    };
    return new Proxy(made, { get: (target, name: string) => parts[name] ?? target[name] });
  };
  const formatOf = format();
  const formula = record({
    formula: { get: () => it().rule.formula, set: (value: unknown) => { it().rule.formula = value; } },
    formulaR1C1: { get: () => `R1C1:${String(it().rule.formula)}`, set: () => { throw new ExcelError("NotImplemented"); } },
  });
  const inner = (name: string) => new Proxy(thing(context, () => (it().rule[name] ?? {}) as Any, [
    "borderColor", "fillColor", "gradientFill", "matchPositiveBorderColor", "matchPositiveFillColor",
  ]), {
    set: (_, key: string, value) => (context.later(() => { it().rule[name] = { ...(it().rule[name] as Any), [key]: value }; }), true),
  });
  const RULED = ["ContainsText", "CellValue", "TopBottom", "PresetCriteria"];
  const part = (name: string) => {
    const bars: Any = name === "dataBar" ? { positiveFormat: inner("positiveFormat"), negativeFormat: inner("negativeFormat") } : {};
    const values = thing(context, () => (RULED.includes(it().type) ? it() : it().rule), [
      "rule", "criteria", "style", "reverseIconOrder", "showIconOnly", "axisColor", "axisFormat", "barDirection", "lowerBoundRule", "upperBoundRule", "showDataBarOnly",
    ]);
    return new Proxy(values, {
      get: (target, key: string) => (key === "format" ? formatOf : bars[key] ?? (name === "custom" && key === "rule" ? formula : target[key])),
    });
  };
  const parts = Object.fromEntries(PARTS.map((name) => [name, part(name)]));
  const place = () => sheet().rules.indexOf(it());
  const made = thing(context, () => ({ ...it(), priority: place() }), ["type", "priority", "stopIfTrue"], {
    ...parts,
    getRanges: () => (context.needs(9), thing(context, () => ({ address: areasOf(sheet(), it()).map(addressOf).join(",") }), ["address"])),
    delete: () => context.later(() => { const gone = it(); sheet().rules = sheet().rules.filter((each) => each !== gone); }),
  });
  return new Proxy(made, {
    set: (_, name: string, value: never) => {
      context.later(() => {
        const rule = it();
        if (name !== "priority") (rule as unknown as Any)[name] = value;
        else {
          const others = sheet().rules.filter((each) => each !== rule);
          sheet().rules = [...others.slice(0, value), rule, ...others.slice(value)];
        }
      });
      return true;
    },
  });
}

const areasOf = (sheet: Sheet, rule: Rule): Box[] => rule.address.split(",").map((each) => boxOf(sheet, each.replace(/^.*!/, "")));

/** The conditional formats of *boxes*, all of one sheet. */
export function rulesOf(context: Queue, boxes: () => Box[]): any {
  const sheet = () => boxes()[0]!.sheet;
  const known = (rule: Rule) => () => {
    if (!sheet().rules.includes(rule)) throw new ExcelError("ItemNotFound");
    return rule;
  };
  const found = new Collection<any>(context, () =>
    sheet().rules.filter((rule) => areasOf(sheet(), rule).some((area) => boxes().some((box) => overlap(area, box)))).map((rule) => ruleObject(context, sheet, known(rule))));
  return Object.assign(found, {
    clearAll: () => context.later(() => {
      writable(sheet());
      for (const rule of sheet().rules) {
        const left = boxes().reduce((areas, hole) => areas.flatMap((area) => without(area, hole)), areasOf(sheet(), rule));
        rule.address = left.map((box) => addressOf(box).replace(/^.*!/, "")).join(",");
      }
      sheet().rules = sheet().rules.filter((rule) => rule.address);
    }),
    add: (type: string) => {
      const scale = ["DataBar", "ColorScale", "IconSet"].includes(type);
      const made: Rule = { address: "", type, stopIfTrue: scale ? null : false, rule: {}, format: {} };
      context.later(() => {
        writable(sheet());
        made.address = boxes().map((box) => addressOf(box).replace(/^.*!/, "")).join(",");
        sheet().rules.unshift(made);
      });
      return ruleObject(context, sheet, () => made);
    },
  });
}

export function writable(sheet: Sheet): Sheet {
  if (sheet.locked) throw new ExcelError("AccessDenied");
  return sheet;
}

/** Where *address* lies, in points: cells are 60 by 20. */
export const pointsOf = (sheet: Sheet, address: string): { top: number; left: number; height: number; width: number } => {
  const { row, column, rows, columns } = boxOf(sheet, address);
  return { top: row * 20, left: column * 60, height: rows * 20, width: columns * 60 };
};

interface Named { name: string }

/** A collection of named things in a sheet, such as its charts. */
export function namedThings<T extends Named & Any>(
  context: Queue, list: () => T[], names: readonly string[], more: (find: () => T | null) => Any, drop: (gone: T) => void,
): any {
  const object = (find: () => T | null) => thing(context, find, names, {
    ...more(find),
    delete: () => context.later(() => { const gone = find(); if (!gone) throw new ExcelError("ItemNotFound"); drop(gone); }),
  });
  return Object.assign(new Collection<any>(context, () => list().map((each) => object(() => each))), {
    getItemOrNullObject: (name: string) => object(() => list().find((each) => each.name === name) ?? null),
  });
}
