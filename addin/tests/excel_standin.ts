// Excel in memory, by the documented rules of its JavaScript API: what is called waits for
// `context.sync()`; a property is there only once it was loaded and synced; a request may have 5 MB;
// text that begins with "=" is a formula, text behind an apostrophe is text; a failed call ends its
// batch, and what came before it in the batch stays. Formulas are not computed.
// Source: https://learn.microsoft.com/office/dev/add-ins/excel/excel-add-ins-core-concepts

import {
  addressOf, type Box, boxOf, Collection, type Cell, ExcelError, inside, keysIn, lettersOf, LIMIT, Loadable, numberOf, overlap, type Queue, Sheet, shift, shiftedFormula,
  withoutSheet,
} from "./excel_model";
import { commentOf, namedThings, pointsOf, rulesOf, thing, writable } from "./excel_objects";

export { ExcelError } from "./excel_model";

class Range extends Loadable<Context> {
  private null_: boolean | undefined;
  constructor(context: Context, private readonly where: () => Box | null) {
    super(context);
  }
  private box(): Box {
    const box = this.where();
    if (!box) throw new ExcelError("ItemNotFound");
    return box;
  }
  box_ = (): Box => this.box();
  where_ = (): string => addressOf(this.box());
  protected override read(name: string): unknown {
    const box = this.where();
    this.null_ = box === null;
    if (!box) return undefined;
    if (name === "address") return addressOf(box);
    if (name === "rowCount") return box.rows;
    if (name === "columnCount") return box.columns;
    if (name === "rowIndex") return box.row;
    if (name === "columnIndex") return box.column;
    if (["top", "left", "height", "width"].includes(name)) return pointsOf(box.sheet, addressOf(box).replace(/^.*!/, ""))[name as "top"];
    const grid = (of: (key: string) => unknown) =>
      Array.from({ length: box.rows }, (_, r) =>
        Array.from({ length: box.columns }, (_, c) => of(`${box.row + r},${box.column + c}`)));
    if (name === "formulas") return grid((key) => box.sheet.formulas.get(key) ?? box.sheet.cells.get(key) ?? "");
    if (name === "formulasR1C1") return grid((key) => `R1C1:${box.sheet.formulas.get(key) ?? box.sheet.cells.get(key) ?? ""}`);
    if (name === "numberFormat") return grid((key) => box.sheet.numberFormats.get(key) ?? "General");
    if (name !== "values") throw new ExcelError("InvalidArgument", name);
    return grid((key) => box.sheet.cells.get(key) ?? "");
  }
  get top(): number { return this.loaded("top"); }
  get left(): number { return this.loaded("left"); }
  get height(): number { return this.loaded("height"); }
  get width(): number { return this.loaded("width"); }
  get rowIndex(): number { return this.loaded("rowIndex"); }
  get columnIndex(): number { return this.loaded("columnIndex"); }
  get formulas(): Cell[][] { return this.loaded("formulas"); }
  set formulas(given: Cell[][] | Cell) { this.write(given, true); }
  get formulasR1C1(): Cell[][] { return this.loaded("formulasR1C1"); }
  set formulasR1C1(given: Cell[][] | Cell) {
    this.write(typeof given === "string" ? given.replace(/^R1C1:/, "") : given, true);
  }
  get numberFormat(): string[][] { return this.loaded("numberFormat"); }
  set numberFormat(given: string[][] | string) {
    this.context.later(() => {
      const box = this.unlocked();
      for (const [key, r, c] of keysIn(box)) box.sheet.numberFormats.set(key, typeof given === "string" ? given : given[r]![c]!);
    });
  }
  get worksheet(): SheetObject { return new SheetObject(this.context, () => this.box().sheet).shared(this); }
  sheet_?: SheetObject;
  unlocked(): Box {
    const box = this.box();
    if (box.sheet.locked) throw new ExcelError("AccessDenied");
    return box;
  }
  format = this.formats("");
  /** Sets what is assigned in every cell, whatever the property is called. */
  private formats(prefix: string): never {
    const range = this;
    return new Proxy({}, {
      get: (_, name: string) => {
        if (name === "clear") return () => range.style(`${prefix}color`, undefined);
        if (name === "autofitColumns") return () => range.style("autofit", true);
        if (name === "borders") return { getItem: (edge: string) => range.edge(edge) };
        return range.formats(`${prefix}${name}.`);
      },
      set: (_, name: string, value: unknown) => {
        if (name !== "columnWidth") range.style(prefix + name, value);
        else range.context.later(() => { const box = range.unlocked(); for (let c = 0; c < box.columns; c += 1) box.sheet.widths.set(box.column + c, value as number); });
        return true;
      },
    }) as never;
  }
  /** The line of one edge: that of the whole range, or those between its cells. */
  private edge(edge: string) {
    const set = (name: string, value: unknown) => this.context.later(() => {
      const box = this.unlocked();
      const draw = (r: number, c: number, side: string) => {
        const key = `${box.row + r},${box.column + c}`;
        box.sheet.styles.set(key, { ...box.sheet.styles.get(key), [`borders.${side}.${name}`]: value });
      };
      for (const [, r, c] of keysIn(box)) {
        if (edge === "EdgeTop" && r === 0) draw(r, c, "top");
        if (edge === "EdgeBottom" && r === box.rows - 1) draw(r, c, "bottom");
        if (edge === "EdgeLeft" && c === 0) draw(r, c, "left");
        if (edge === "EdgeRight" && c === box.columns - 1) draw(r, c, "right");
        if (edge === "InsideHorizontal" && r > 0) { draw(r, c, "top"); draw(r - 1, c, "bottom"); }
        if (edge === "InsideVertical" && c > 0) { draw(r, c, "left"); draw(r, c - 1, "right"); }
      }
    });
    return { set style(value: string) { set("style", value); }, set color(value: string) { set("color", value); } };
  }
  style(name: string, value: unknown): void {
    this.context.later(() => {
      const box = this.unlocked();
      for (const [key] of keysIn(box)) box.sheet.styles.set(key, { ...box.sheet.styles.get(key), [name]: value });
    });
  }
  merge(across: boolean): void {
    this.context.later(() => { const box = this.unlocked(); box.sheet.merges.push(`${addressOf(box)}${across ? " across" : ""}`); });
  }
  unmerge(): void {
    this.context.later(() => { const box = this.unlocked(); box.sheet.merges = box.sheet.merges.filter((each) => !inside(each, box)); });
  }
  getMergedAreasOrNullObject(): Areas {
    return new Areas(this.context, () => { const box = this.box(); return box.sheet.merges.filter((each) => overlap(boxOf(box.sheet, each.replace(/^.*!/, "").replace(" across", "")), box)); });
  }
  private answer<T>(minor: number, find: () => T): { value: T } {
    this.context.needs(minor);
    let value: T | null = null;
    this.context.later(() => {
      value = find();
      this.context.answered += JSON.stringify(value).length;
    });
    return { get value() { if (value === null) throw new ExcelError("ValueNotLoaded"); return value; } };
  }
  getCellProperties(_wanted: object): { value: object[][] } {
    const EDGES = ["bottom", "left", "right", "top", "diagonalDown", "diagonalUp"];
    return this.answer(9, () => {
      const box = this.box();
      return Array.from({ length: box.rows }, (_, r) => Array.from({ length: box.columns }, (_, c) => {
        const style = box.sheet.styles.get(`${box.row + r},${box.column + c}`) ?? {};
        const fill = style["fill.color"];
        const border = (edge: string) => ({
          style: style[`borders.${edge}.style`] ?? "None", color: style[`borders.${edge}.color`] ?? "#000000", weight: style[`borders.${edge}.weight`] ?? "Thin",
        });
        return {
          format: {
            fill: { color: fill ?? "#FFFFFF", pattern: fill ? "Solid" : "None", patternColor: "" },
            font: { bold: style["font.bold"] ?? false, italic: style["font.italic"] ?? false, name: style["font.name"] ?? "Calibri" },
            borders: Object.fromEntries(EDGES.map((edge) => [edge, border(edge)])),
            horizontalAlignment: style.horizontalAlignment ?? "General", wrapText: style.wrapText ?? false,
          },
        };
      }));
    });
  }
  getColumnProperties(_wanted: object): { value: object[] } {
    return this.answer(9, () => {
      const { sheet, column, columns } = this.box();
      return Array.from({ length: columns }, (_, c) => ({ columnHidden: false, format: { columnWidth: sheet.widths.get(column + c) ?? 60 } }));
    });
  }
  getRowProperties(_wanted: object): { value: object[] } {
    return this.answer(9, () => {
      const { sheet, row, rows } = this.box();
      return Array.from({ length: rows }, (_, r) => ({ rowHidden: false, format: { rowHeight: sheet.heights.get(row + r) ?? 20 } }));
    });
  }
  private lines(rows: boolean) {
    const set = (size: number) => this.context.later(() => {
      const box = this.unlocked();
      if (rows) box.sheet.heights.set(box.row, size);
      else box.sheet.widths.set(box.column, size);
    });
    return { format: rows ? { set rowHeight(size: number) { set(size); } } : { set columnWidth(size: number) { set(size); } } };
  }
  getEntireColumn = () => this.lines(false);
  getEntireRow = () => this.lines(true);
  get dataValidation() {
    this.context.needs(8);
    return thing(this.context, () => this.box().sheet.validation, ["type", "rule", "errorAlert", "prompt", "ignoreBlanks"]);
  }
  setCellProperties(given: { format: Record<string, unknown> }[][]): void {
    this.context.needs(9);
    this.context.sent += JSON.stringify(given).length;
    const flat = (value: unknown, path: string): [string, unknown][] =>
      value && typeof value === "object" ? Object.entries(value).flatMap(([name, inner]) => flat(inner, path ? `${path}.${name}` : name)) : [[path, value]];
    this.context.later(() => {
      const box = this.unlocked();
      for (const [key, r, c] of keysIn(box)) box.sheet.styles.set(key, { ...box.sheet.styles.get(key), ...Object.fromEntries(flat(given[r]![c]!.format, "")) });
    });
  }
  insert(to: string): void { this.shift(to === "Down", 1); }
  delete(to: string): void { this.shift(to === "Up", -1); }
  private shift(rows: boolean, sign: number): void {
    this.context.later(() => {
      const box = this.unlocked();
      const [from, by] = [rows ? box.row : box.column, sign * (rows ? box.rows : box.columns)];
      shift(box.sheet, rows, from, by);
      this.context.excel.mapFormulas((formula, own) => shiftedFormula(formula, own, box.sheet, rows, from, by));
    });
  }
  get conditionalFormats() {
    this.context.needs(6);
    return rulesOf(this.context, () => [this.box()]);
  }
  private write(given: Cell[][] | Cell, formulas: boolean): void {
    this.context.sent += new TextEncoder().encode(JSON.stringify(given)).length;
    this.context.later(() => {
      const box = this.unlocked();
      const grid = Array.isArray(given) ? given : null;
      if (grid && (grid.length !== box.rows || grid.some((row) => row.length !== box.columns))) throw new ExcelError("InvalidArgument");
      for (const [key, r, c] of keysIn(box)) {
        const value = grid ? grid[r]![c]! : (given as Cell);
        box.sheet.formulas.delete(key);
        if (value === "") box.sheet.cells.delete(key);
        else if (typeof value === "string" && value.startsWith("'")) box.sheet.cells.set(key, value.slice(1));
        else if (typeof value === "string" && /^-?\d+(\.\d+)?$/.test(value)) box.sheet.cells.set(key, Number(value));
        else if (typeof value === "string" && /^[=+-]/.test(value)) {
          if (!formulas) box.sheet.cells.set(key, `FORMULA ${value}`);
          else {
            box.sheet.formulas.set(key, value);
            box.sheet.cells.set(key, this.context.excel.compute(value));
          }
        } else box.sheet.cells.set(key, value);
      }
      this.context.excel.recalculate();
    });
  }
  get isNullObject(): boolean {
    if (this.null_ === undefined) throw new ExcelError("PropertyNotLoaded");
    return this.null_;
  }
  get address(): string { return this.loaded("address"); }
  get rowCount(): number { return this.loaded("rowCount"); }
  get columnCount(): number { return this.loaded("columnCount"); }
  get values(): Cell[][] { return this.loaded("values"); }
  set values(given: Cell[][]) { this.write(given, false); }
  private moved(change: (box: Box) => Box): Range {
    return new Range(this.context, () => change(this.box()));
  }
  getCell = (row: number, column: number) =>
    this.moved((box) => ({ ...box, row: box.row + row, column: box.column + column, rows: 1, columns: 1 }));
  getOffsetRange = (rows: number, columns: number) =>
    this.moved((box) => ({ ...box, row: box.row + rows, column: box.column + columns }));
  getResizedRange = (rows: number, columns: number) =>
    this.moved((box) => ({ ...box, rows: box.rows + rows, columns: box.columns + columns }));
  getUsedRangeOrNullObject(_valuesOnly: boolean): Range {
    return new Range(this.context, () => {
      const box = this.box();
      const inside = [...box.sheet.cells.keys()].map((key) => key.split(",").map(Number) as [number, number])
        .filter(([r, c]) => r >= box.row && r < box.row + box.rows && c >= box.column && c < box.column + box.columns);
      if (inside.length === 0) return null;
      const rows = inside.map(([r]) => r);
      const columns = inside.map(([, c]) => c);
      const [row, column] = [Math.min(...rows), Math.min(...columns)];
      return { ...box, row, column, rows: Math.max(...rows) - row + 1, columns: Math.max(...columns) - column + 1 };
    });
  }
  clear(what: string): void {
    this.context.later(() => {
      const box = this.box();
      if (what !== "Contents") throw new ExcelError("InvalidArgument");
      if (box.sheet.locked) throw new ExcelError("AccessDenied");
      for (const [key] of keysIn(box)) {
        box.sheet.cells.delete(key);
        box.sheet.formulas.delete(key);
      }
    });
  }
}

class SheetObject extends Loadable<Context> {
  private null_: boolean | undefined;
  constructor(context: Context, private readonly find: () => Sheet | null) {
    super(context);
  }
  /** The same object for each access of `range.worksheet`. */
  shared(range: Range): SheetObject { return (range.sheet_ ??= this); }
  private it(): Sheet {
    const sheet = this.find();
    if (!sheet) throw new ExcelError("ItemNotFound");
    return sheet;
  }
  protected override read(name: string): unknown {
    const sheet = this.find();
    this.null_ = sheet === null;
    if (!sheet) return undefined;
    if (name === "name" || name === "visibility" || name === "id" || name === "tabColor") return sheet[name];
    if (name === "position") return this.context.excel.sheets.indexOf(sheet);
    throw new ExcelError("InvalidArgument", name);
  }
  get isNullObject(): boolean {
    if (this.null_ === undefined) throw new ExcelError("PropertyNotLoaded");
    return this.null_;
  }
  get name(): string { return this.loaded("name"); }
  set name(value: string) { this.context.later(() => { this.it().name = value; }); }
  get visibility(): string { return this.loaded("visibility"); }
  get tabColor(): string { return this.loaded("tabColor"); }
  set tabColor(value: string) { this.context.later(() => { this.it().tabColor = value; }); }
  get position(): number { return this.loaded("position"); }
  set position(value: number) {
    this.context.later(() => {
      const { excel } = this.context;
      const others = excel.sheets.filter((each) => each !== this.it());
      excel.sheets = [...others.slice(0, value), this.it(), ...others.slice(value)];
    });
  }
  get id(): string { return this.loaded("id"); }
  private readonly guard = new (class extends Loadable {
    constructor(context: Queue, private readonly sheet: () => Sheet) { super(context); }
    protected override read(): unknown { return this.sheet().locked; }
    get protected(): boolean { return this.loaded("protected"); }
  })(this.context, () => this.it());
  get protection() { return this.guard; }
  activate(): void {
    this.context.later(() => { this.context.excel.active = this.it().name; });
  }
  delete(): void {
    this.context.later(() => { 
      const { excel } = this.context;
      const gone = this.it();
      excel.sheets = excel.sheets.filter((each) => each !== gone);
      excel.mapFormulas((formula) => withoutSheet(formula, gone.name));
    });
  }
  getRange = (address = "1:1048576") => new Range(this.context, () => rangeOf(this.it(), address));
  getRanges(addresses: string) {
    this.context.needs(9);
    const boxes = () => addresses.split(",").map((each) => rangeOf(this.it(), each));
    return { conditionalFormats: rulesOf(this.context, boxes) };
  }
  getUsedRangeOrNullObject = (valuesOnly: boolean) =>
    new Range(this.context, () => ({ sheet: this.it(), row: 0, column: 0, rows: 1_048_576, columns: 16_384 })).getUsedRangeOrNullObject(valuesOnly);
  findAllOrNullObject(text: string, { completeMatch }: { completeMatch: boolean }) {
    return new Areas(this.context, () => {
      const sheet = this.it();
      const wanted = text.toLowerCase();
      return [...sheet.cells].filter(([key, value]) =>
        [value, sheet.formulas.get(key) ?? ""].some((each) => {
          const has = String(each).toLowerCase();
          return completeMatch ? has === wanted : has.includes(wanted);
        })).map(([key]) => {
        const [row, column] = key.split(",").map(Number) as [number, number];
        return addressOf({ sheet, row, column, rows: 1, columns: 1 });
      });
    });
  }
  get comments() {
    this.context.needs(10);
    const made = (it: Sheet["comments"][number]) => commentOf(this.context, () => this.it(), () => it, (box) => new Range(this.context, box));
    return new Collection<any>(this.context, () => this.it().comments.map(made));
  }
  private drawn(list: "charts" | "shapes"): any {
    const find = () => this.it()[list].map((each) => Object.assign(each, pointsOf(this.it(), each.box))) as { name: string }[];
    const drop = (gone: { name: string }) => { this.it()[list] = this.it()[list].filter((each) => each.name !== gone.name) as never; };
    return namedThings(this.context, find, ["name", "top", "left", "height", "width"], () => ({}), drop);
  }
  get shapes() { this.context.needs(9); return this.drawn("shapes"); }
  get slicers() { this.context.needs(10); return namedThings(this.context, () => [], ["name"], () => ({}), () => undefined); }
  get charts() {
    return Object.assign(this.drawn("charts"), {
      add: (type: string, source: Range, _by: string) => {
        const made = { type, source: "", title: "", place: "", name: `Chart ${this.context.excel.charted += 1}`, box: "H1:K10" };
        this.context.later(() => { made.source = source.where_(); writable(this.it()).charts.push(made); });
        const { context } = this;
        return thing(context, () => made, ["name"], {
          title: { set text(value: string) { context.later(() => { made.title = value; }); } },
          setPosition: (place: string) => context.later(() => { made.place = place; made.box = `${place}:${place}`; }),
        });
      },
    });
  }
  get pivotTables() {
    this.context.needs(3);
    const more = (find: () => Sheet["pivots"][number] | null) => ({
      layout: { getRange: () => new Range(this.context, () => boxOf(this.it(), find()!.address)) },
    });
    return namedThings(this.context, () => this.it().pivots, ["name"], more, (gone) => { this.it().pivots = this.it().pivots.filter((each) => each !== gone); });
  }
  get tables() {
    const more = (find: () => Sheet["tables"][number] | null) => ({ getRange: () => new Range(this.context, () => boxOf(this.it(), find()!.address)) });
    const all = namedThings(this.context, () => this.it().tables, ["name", "style", "showHeaders", "showTotals"], more, () => undefined);
    return Object.assign(all, {
      add: (address: string, headers: boolean) => {
        const made = { name: "Table1", address, style: "TableStyleMedium2", showHeaders: headers, showTotals: false };
        this.context.later(() => this.it().tables.push(made));
        const { context } = this;
        return new Proxy(thing(context, () => made, ["name"]), {
          set: (_, name: string, value: never) => {
            context.later(() => {
              Object.assign(made, { [name]: value });
              const box = boxOf(this.it(), made.address);
              if (name === "showTotals" && value) made.address = addressOf({ ...box, rows: box.rows + 1 }).replace(/^.*!/, "");
            });
            return true;
          },
        });
      },
    });
  }
}

function rangeOf(sheet: Sheet, address: string): Box {
  const rows = /^(\d+):(\d+)$/.exec(address);
  if (rows) return { sheet, row: Number(rows[1]) - 1, column: 0, rows: Number(rows[2]) - Number(rows[1]) + 1, columns: 16_384 };
  const columns = /^([A-Z]+):([A-Z]+)$/.exec(address);
  if (!columns) return boxOf(sheet, address);
  const first = numberOf(columns[1]!);
  return { sheet, row: 0, column: first, rows: 1_048_576, columns: numberOf(columns[2]!) - first + 1 };
}

class Areas extends Loadable {
  private null_: boolean | undefined;
  constructor(context: Context, private readonly find: () => string[]) { super(context); }
  protected override read(name: string): unknown {
    const found = this.find();
    this.null_ = found.length === 0;
    return name === "cellCount" ? found.length : found.join(",");
  }
  get isNullObject(): boolean { return this.null_ ?? this.loaded("isNullObject"); }
  get address(): string { return this.loaded("address"); }
  get cellCount(): number { return this.loaded("cellCount"); }
}

class Book extends Loadable<Context> {
  protected override read(name: string): unknown {
    if (name !== "name") throw new ExcelError("InvalidArgument");
    this.context.excel.lookedAt = this.context.excel.syncs;
    return this.context.excel.name;
  }
  get name(): string { return this.loaded("name"); }
  private sheet(key: string): Sheet | null {
    return this.context.excel.sheets.find((sheet) => sheet.name.toLowerCase() === key.toLowerCase() || sheet.id === key) ?? null;
  }
  worksheets = Object.assign(
    new Collection(this.context, () => this.context.excel.sheets.map((sheet) => new SheetObject(this.context, () => sheet))),
    {
      getItem: (key: string) => new SheetObject(this.context, () => this.sheet(key)),
      getItemOrNullObject: (key: string) => new SheetObject(this.context, () => this.sheet(key)),
      getActiveWorksheet: () => new SheetObject(this.context, () => this.sheet(this.context.excel.active)),
      add: (name: string) => this.context.later(() => {
        if (this.sheet(name)) throw new ExcelError("ItemAlreadyExists");
        this.context.excel.sheets.push(new Sheet(`{${this.context.excel.sheets.length + 1}}`, name));
      }),
    },
  );
  tables = new Collection<Loadable>(this.context, () => []);
  names = new Collection<Loadable>(this.context, () => []);
  comments = {
    add: (range: Range, content: string) => {
      this.context.needs(10);
      const made = { cell: "", content, resolved: false, replies: [] as string[] };
      this.context.later(() => {
        const { sheet, ...box } = range.box_();
        made.cell = `${lettersOf(box.column)}${box.row + 1}`;
        if (sheet.comments.some((each) => each.cell === made.cell)) throw new ExcelError("ItemAlreadyExists");
        writable(sheet).comments.push(made);
      });
      return commentOf(this.context, () => range.box_().sheet, () => made, (box) => new Range(this.context, box));
    },
  };
  getSelectedRange = () =>
    new Range(this.context, () => {
      const { selected } = this.context.excel;
      if (!selected) throw new ExcelError("InvalidSelection");
      return boxOf(this.context.excel.sheet(selected[0]), selected[1]);
    });
  insertWorksheetsFromBase64(file: string, _options: object): { value: string[] } {
    this.context.sent += file.length;
    let ids: string[] | null = null;
    this.context.later(() => { ids = this.context.excel.insert(atob(file)); });
    return {
      get value() {
        if (ids === null) throw new ExcelError("ValueNotLoaded");
        return ids;
      },
    };
  }
  onSelectionChanged = {
    add: (handler: () => Promise<void>) => {
      this.context.later(() => this.context.excel.handlers.add(handler));
      return { remove: () => this.context.excel.handlers.delete(handler) };
    },
  };
}

class Application extends Loadable<Context> {
  protected override read(_name: string): unknown { return this.context.excel.calculation; }
  get calculationMode(): string { return this.loaded("calculationMode"); }
}

class Context implements Queue {
  private queue: (() => void)[] = [];
  sent = 0;
  answered = 0;
  workbook = new Book(this);
  application = new Application(this);
  constructor(readonly excel: ExcelStandin) {}
  later(call: () => void): void {
    this.queue.push(call);
  }
  needs(minor: number): void {
    if (Math.round((this.excel.version - 1) * 100) < minor) this.later(() => { throw new ExcelError("ApiNotFound"); });
  }
  async sync(): Promise<void> {
    const { excel } = this;
    const [calls, sent] = [this.queue, this.sent];
    [this.queue, this.sent, this.answered] = [[], 0, 0];
    excel.syncs += 1;
    excel.requests.push(sent);
    if (excel.editing) throw new ExcelError("InvalidOperationInCellEditMode");
    if (sent > LIMIT) throw new ExcelError("RequestPayloadSizeLimitExceeded");
    for (const call of calls) call();
    if (this.answered > LIMIT) throw new ExcelError("ResponsePayloadSizeLimitExceeded");
    excel.synced(excel.syncs);
  }
}

/** An Excel with one workbook; `install` gives a test its globals. */
export class ExcelStandin {
  name = "Book.xlsx";
  url = "https://contoso.sharepoint.com/Book.xlsx";
  sheets = [new Sheet("{1}", "Sheet1")];
  /** The last sync in which the workbook's name was read. */
  lookedAt = 0;
  /** How many charts were made. */
  charted = 0;
  selected: [sheet: string, address: string] | null = ["Sheet1", "A1"];
  active = "Sheet1";
  editing = false;
  version = 1.17;
  platform = "PC";
  syncs = 0;
  /** Bytes of each request. */
  requests: number[] = [];
  opened: string[] = [];
  handlers = new Set<() => Promise<void>>();
  synced: (number: number) => void = () => {};
  calculation = "Automatic";
  /** What a formula shows: only a test knows, nothing is computed here. */
  compute: (formula: string) => Cell = () => 0;
  /** Called after each write: a test changes what depends on it. */
  recalculate: () => void = () => {};

  /** Change every formula, as Excel does when cells move or go. */
  mapFormulas(change: (formula: string, own: Sheet) => string): void {
    for (const sheet of this.sheets) for (const [key, formula] of sheet.formulas) sheet.formulas.set(key, change(formula, sheet));
  }
  sheet(name: string): Sheet {
    const found = this.sheets.find((sheet) => sheet.name === name);
    if (!found) throw new ExcelError("ItemNotFound");
    return found;
  }
  put(address: string, values: Cell[][], sheet = "Sheet1"): void {
    const { row, column } = boxOf(this.sheet(sheet), address);
    values.forEach((each, r) => each.forEach((value, c) => this.sheet(sheet).cells.set(`${row + r},${column + c}`, value)));
  }
  at(address: string, sheet = "Sheet1"): Cell | undefined {
    const { row, column } = boxOf(this.sheet(sheet), address);
    return this.sheet(sheet).cells.get(`${row},${column}`);
  }
  /** A file here is the names of its sheets; a name that is taken gets a number. */
  insert(file: string): string[] {
    return file.split("\n")[0]!.split(",").map((wanted) => {
      let name = wanted;
      for (let copy = 2; this.sheets.some((sheet) => sheet.name === name); copy += 1) name = `${wanted} (${copy})`;
      const sheet = new Sheet(`{${this.sheets.length + 1}}`, name);
      this.sheets.push(sheet);
      return sheet.id;
    });
  }
  /** Set the globals that Office.js sets; nothing of a test's tools is used, so a browser can do it too. */
  install(): this {
    const excel = this;
    const set = (name: string, value: object) => {
      Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
    };
    set("Excel", {
      run: async (work: (context: Context) => Promise<unknown>) => {
        const context = new Context(excel);
        const result = await work(context);
        await context.sync();
        excel.syncs -= 1; // the closing sync has nothing to send
        return result;
      },
      createWorkbook: async (file: string) => void excel.opened.push(atob(file)),
    });
    set("Office", {
      onReady: async () => ({ host: "Excel" }),
      PlatformType: { OfficeOnline: "OfficeOnline" },
      context: {
        partitionKey: "part.",
        get platform() { return excel.platform; },
        document: { get url() { return excel.url; } },
        requirements: {
          isSetSupported: (set: string, version: string) =>
            set === "ExcelApi" && Number(version.split(".")[1]) <= Math.round((excel.version - 1) * 100),
        },
      },
    });
    return this;
  }
  uninstall(): void {
    for (const name of ["Excel", "Office"]) Reflect.deleteProperty(globalThis, name);
  }
}
