// Excel in memory, by the documented rules of its JavaScript API: what is called waits for
// `context.sync()`; a property is there only once it was loaded and synced; a request may have 5 MB;
// text that begins with "=" is a formula, text behind an apostrophe is text; a failed call ends its
// batch, and what came before it in the batch stays. Formulas are not computed.
// Source: https://learn.microsoft.com/office/dev/add-ins/excel/excel-add-ins-core-concepts

type Cell = string | number | boolean;
interface Box { sheet: Sheet; row: number; column: number; rows: number; columns: number }
class Sheet {
  cells = new Map<string, Cell>();
  formulas = new Map<string, string>();
  numberFormats = new Map<string, string>();
  /** Properties of formats that were set, such as `font.bold`, by cell. */
  styles = new Map<string, Record<string, unknown>>();
  merges: string[] = [];
  rules: { address: string; type: string; rule: unknown; format: Record<string, unknown> }[] = [];
  comments: { cell: string; content: string; resolved: boolean; replies: string[] }[] = [];
  charts: { type: string; source: string; title: string; place: string }[] = [];
  visibility = "Visible";
  locked = false;
  constructor(readonly id: string, public name: string) {}
}

export class ExcelError extends Error {
  constructor(readonly code: string, message = code) {
    super(message);
  }
}
const LIMIT = 5_000_000;
const lettersOf = (column: number): string =>
  (column >= 26 ? lettersOf(Math.floor(column / 26) - 1) : "") + String.fromCharCode(65 + (column % 26));
const numberOf = (letters: string) => [...letters].reduce((sum, each) => sum * 26 + each.charCodeAt(0) - 64, 0) - 1;

function boxOf(sheet: Sheet, address: string): Box {
  const found = /^([A-Z]+)(\d+)(?::([A-Z]+)(\d+))?$/.exec(address);
  if (!found) throw new ExcelError("InvalidReference");
  const [, left, top, right = left, bottom = top] = found;
  const [row, column] = [Number(top) - 1, numberOf(left!)];
  return { sheet, row, column, rows: Number(bottom) - row, columns: numberOf(right!) - column + 1 };
}
const addressOf = ({ sheet, row, column, rows, columns }: Box): string => {
  const first = `${lettersOf(column)}${row + 1}`;
  const last = `${lettersOf(column + columns - 1)}${row + rows}`;
  return `${sheet.name}!${first === last ? first : `${first}:${last}`}`;
};

const keysIn = (box: Box): [key: string, row: number, column: number][] =>
  Array.from({ length: box.rows * box.columns }, (_, place) => {
    const [r, c] = [Math.floor(place / box.columns), place % box.columns];
    return [`${box.row + r},${box.column + c}`, r, c];
  });

const inside = (address: string, box: Box): boolean => {
  const each = boxOf(box.sheet, address.replace(/^.*!/, "").replace(" across", ""));
  return each.row >= box.row && each.column >= box.column && each.row + each.rows <= box.row + box.rows && each.column + each.columns <= box.column + box.columns;
};

/** Moves what lies behind *from* by *by* rows or columns; what lies in a deleted part is gone. */
function shift(sheet: Sheet, rows: boolean, from: number, by: number): void {
  const moved = <T>(map: Map<string, T>): Map<string, T> => {
    const result = new Map<string, T>();
    for (const [key, value] of map) {
      const place = key.split(",").map(Number) as [number, number];
      const at = place[rows ? 0 : 1];
      if (by < 0 && at >= from && at < from - by) continue;
      if (at >= from) place[rows ? 0 : 1] = at + by;
      result.set(place.join(","), value);
    }
    return result;
  };
  for (const name of ["cells", "formulas", "numberFormats", "styles"] as const) sheet[name] = moved(sheet[name] as Map<string, never>);
}

class Loadable {
  protected values_: Record<string, unknown> = {};
  constructor(protected readonly context: Context) {}
  protected read(_name: string): unknown {
    throw new ExcelError("InvalidArgument");
  }
  load(names: string): this {
    this.context.later(() => {
      for (const each of names.split(",")) {
        const name = each.trim();
        if (name.startsWith("items/")) this.items_(name);
        else this.take_(name);
      }
    });
    return this;
  }
  take_(name: string): void {
    const value = this.read(name);
    this.context.answered += JSON.stringify(value ?? null)?.length ?? 0;
    this.values_[name] = value;
  }
  protected items_(_name: string): void {
    throw new ExcelError("InvalidArgument");
  }
  protected loaded(name: string): never {
    if (!(name in this.values_)) throw new ExcelError("PropertyNotLoaded", `The property '${name}' is not available.`);
    return this.values_[name] as never;
  }
}

class Range extends Loadable {
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
    const grid = (of: (key: string) => unknown) =>
      Array.from({ length: box.rows }, (_, r) =>
        Array.from({ length: box.columns }, (_, c) => of(`${box.row + r},${box.column + c}`)));
    if (name === "formulas") return grid((key) => box.sheet.formulas.get(key) ?? box.sheet.cells.get(key) ?? "");
    if (name === "formulasR1C1") return grid((key) => `R1C1:${box.sheet.formulas.get(key) ?? box.sheet.cells.get(key) ?? ""}`);
    if (name === "numberFormat") return grid((key) => box.sheet.numberFormats.get(key) ?? "General");
    if (name !== "values") throw new ExcelError("InvalidArgument", name);
    return grid((key) => box.sheet.cells.get(key) ?? "");
  }
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
        if (name === "borders") return { getItem: (edge: string) => range.formats(`border.${edge}.`) };
        return range.formats(`${prefix}${name}.`);
      },
      set: (_, name: string, value: unknown) => (range.style(prefix + name, value), true),
    }) as never;
  }
  private style(name: string, value: unknown): void {
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
    return new Areas(this.context, () => { const box = this.box(); return box.sheet.merges.filter((each) => inside(each, box)); });
  }
  getCellProperties(_wanted: object): { value: object[][] } {
    let value: object[][] | null = null;
    this.context.later(() => {
      const box = this.box();
      value = Array.from({ length: box.rows }, (_, r) => Array.from({ length: box.columns }, (_, c) => {
        const style = box.sheet.styles.get(`${box.row + r},${box.column + c}`) ?? {};
        const fill = style["fill.color"];
        return { format: { fill: { color: fill ?? "#FFFFFF", pattern: fill ? "Solid" : "None" }, font: { bold: style["font.bold"] ?? false } } };
      }));
      this.context.answered += JSON.stringify(value).length;
    });
    return { get value() { if (!value) throw new ExcelError("ValueNotLoaded"); return value; } };
  }
  setCellProperties(given: { format: Record<string, Record<string, unknown>> }[][]): void {
    this.context.later(() => {
      const box = this.unlocked();
      for (const [key, r, c] of keysIn(box)) {
        const style = { ...box.sheet.styles.get(key) };
        for (const [group, values] of Object.entries(given[r]![c]!.format)) for (const [name, value] of Object.entries(values)) style[`${group}.${name}`] = value;
        box.sheet.styles.set(key, style);
      }
    });
  }
  insert(to: string): void { this.shift(to === "Down", 1); }
  delete(to: string): void { this.shift(to === "Up", -1); }
  private shift(rows: boolean, sign: number): void {
    this.context.later(() => {
      const box = this.unlocked();
      shift(box.sheet, rows, rows ? box.row : box.column, sign * (rows ? box.rows : box.columns));
    });
  }
  get conditionalFormats() {
    const range = this;
    return {
      clearAll: () => range.context.later(() => { range.unlocked().sheet.rules = []; }),
      add: (type: string) => {
        const made = { address: "", type, rule: {} as Record<string, unknown>, format: {} as Record<string, unknown> };
        range.context.later(() => { const box = range.unlocked(); made.address = addressOf(box); box.sheet.rules.push(made); });
        const format = { fill: { set color(value: string) { made.format.fill = value; } }, font: { set color(value: string) { made.format.font = value; } } };
        const kind = { format, get rule() { return made.rule; }, set rule(value: Record<string, unknown>) { made.rule = value; } };
        return { custom: kind, cellValue: kind, textComparison: kind, topBottom: kind, preset: kind };
      },
    };
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

class Comment extends Loadable {
  constructor(context: Context, private readonly sheet: Sheet, readonly it: Sheet["comments"][number]) { super(context); }
  protected override read(name: string): unknown {
    if (name === "authorName") return "Ann";
    return this.it[name as "content" | "resolved"];
  }
  get content(): string { return this.loaded("content"); }
  get authorName(): string { return this.loaded("authorName"); }
  get resolved(): boolean { return this.loaded("resolved"); }
  set resolved(value: boolean) { this.context.later(() => { this.it.resolved = value; }); }
  getLocation = () => new Range(this.context, () => boxOf(this.sheet, this.it.cell));
  replies = { add: (text: string) => this.context.later(() => this.it.replies.push(text)) };
  delete(): void { this.context.later(() => { this.sheet.comments = this.sheet.comments.filter((each) => each !== this.it); }); }
}

/** A collection: its items are there once a property of them was loaded and synced. */
class Collection<T extends Loadable> extends Loadable {
  private found: T[] | null = null;
  constructor(context: Context, private readonly list: () => T[]) { super(context); }
  protected override items_(name: string): void {
    this.found ??= this.list();
    for (const each of this.found) each.take_(name.slice(6));
  }
  get items(): T[] {
    if (!this.found) throw new ExcelError("PropertyNotLoaded", "items");
    return this.found;
  }
}

class SheetObject extends Loadable {
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
    if (name === "name" || name === "visibility" || name === "id") return sheet[name];
    throw new ExcelError("InvalidArgument", name);
  }
  get isNullObject(): boolean {
    if (this.null_ === undefined) throw new ExcelError("PropertyNotLoaded");
    return this.null_;
  }
  get name(): string { return this.loaded("name"); }
  set name(value: string) { this.context.later(() => { this.it().name = value; }); }
  get visibility(): string { return this.loaded("visibility"); }
  get id(): string { return this.loaded("id"); }
  private readonly guard = new (class extends Loadable {
    constructor(context: Context, private readonly sheet: () => Sheet) { super(context); }
    protected override read(): unknown { return this.sheet().locked; }
    get protected(): boolean { return this.loaded("protected"); }
  })(this.context, () => this.it());
  get protection() { return this.guard; }
  activate(): void {
    this.context.later(() => { this.context.excel.active = this.it().name; });
  }
  delete(): void {
    this.context.later(() => { const gone = this.it(); this.context.excel.sheets = this.context.excel.sheets.filter((each) => each !== gone); });
  }
  getRange = (address: string) => new Range(this.context, () => rangeOf(this.it(), address));
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
  get comments() { return new Collection(this.context, () => this.it().comments.map((each) => new Comment(this.context, this.it(), each))); }
  charts = {
    add: (type: string, source: Range, _by: string) => {
      const made = { type, source: "", title: "", place: "" };
      this.context.later(() => { made.source = source.where_(); this.it().charts.push(made); });
      const context = this.context;
      return {
        title: { set text(value: string) { context.later(() => { made.title = value; }); } },
        setPosition: (place: string) => context.later(() => { made.place = place; }),
        load: () => undefined,
        name: "Chart 1",
      };
    },
  };
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

class Book extends Loadable {
  protected override read(name: string): unknown {
    if (name !== "name") throw new ExcelError("InvalidArgument");
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
    add: (range: Range, content: string) => this.context.later(() => {
      const { sheet, ...box } = range.box_();
      sheet.comments.push({ cell: `${lettersOf(box.column)}${box.row + 1}`, content, resolved: false, replies: [] });
    }),
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

class Application extends Loadable {
  protected override read(_name: string): unknown { return this.context.excel.calculation; }
  get calculationMode(): string { return this.loaded("calculationMode"); }
}

class Context {
  private queue: (() => void)[] = [];
  sent = 0;
  answered = 0;
  workbook = new Book(this);
  application = new Application(this);
  constructor(readonly excel: ExcelStandin) {}
  later(call: () => void): void {
    this.queue.push(call);
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
