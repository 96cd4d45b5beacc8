// Excel in memory, by the documented rules of its JavaScript API: what is called waits for
// `context.sync()`; a property is there only once it was loaded and synced; a request may have 5 MB;
// text that begins with "=" is a formula, text behind an apostrophe is text; a failed call ends its
// batch, and what came before it in the batch stays. Formulas are not computed.
// Source: https://learn.microsoft.com/office/dev/add-ins/excel/excel-add-ins-core-concepts
import { vi } from "vitest";

type Cell = string | number | boolean;
interface Box { sheet: Sheet; row: number; column: number; rows: number; columns: number }
class Sheet {
  cells = new Map<string, Cell>();
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

class Loadable {
  protected values_: Record<string, unknown> = {};
  constructor(protected readonly context: Context) {}
  protected read(_name: string): unknown {
    throw new ExcelError("InvalidArgument");
  }
  load(names: string): this {
    this.context.later(() => {
      for (const name of names.split(",")) {
        const value = this.read(name.trim());
        this.context.answered += JSON.stringify(value ?? null).length;
        this.values_[name.trim()] = value;
      }
    });
    return this;
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
  protected override read(name: string): unknown {
    const box = this.where();
    this.null_ = box === null;
    if (!box) return undefined;
    if (name === "address") return addressOf(box);
    if (name === "rowCount") return box.rows;
    if (name === "columnCount") return box.columns;
    if (name !== "values") throw new ExcelError("InvalidArgument");
    return Array.from({ length: box.rows }, (_, r) =>
      Array.from({ length: box.columns }, (_, c) => box.sheet.cells.get(`${box.row + r},${box.column + c}`) ?? ""));
  }
  get isNullObject(): boolean {
    if (this.null_ === undefined) throw new ExcelError("PropertyNotLoaded");
    return this.null_;
  }
  get address(): string { return this.loaded("address"); }
  get rowCount(): number { return this.loaded("rowCount"); }
  get columnCount(): number { return this.loaded("columnCount"); }
  get values(): Cell[][] { return this.loaded("values"); }
  set values(given: Cell[][]) {
    this.context.sent += new TextEncoder().encode(JSON.stringify(given)).length;
    this.context.later(() => {
      const box = this.box();
      if (box.sheet.locked) throw new ExcelError("AccessDenied");
      if (given.length !== box.rows || given.some((row) => row.length !== box.columns)) throw new ExcelError("InvalidArgument");
      given.forEach((row, r) => row.forEach((value, c) => {
        const key = `${box.row + r},${box.column + c}`;
        if (value === "") box.sheet.cells.delete(key);
        else if (typeof value === "string" && value.startsWith("'")) box.sheet.cells.set(key, value.slice(1));
        else box.sheet.cells.set(key, typeof value === "string" && /^[=+-]/.test(value) ? `FORMULA ${value}` : value);
      }));
    });
  }
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
      for (const key of [...box.sheet.cells.keys()]) {
        const [r, c] = key.split(",").map(Number) as [number, number];
        if (r >= box.row && r < box.row + box.rows && c >= box.column && c < box.column + box.columns) box.sheet.cells.delete(key);
      }
    });
  }
}

class SheetObject extends Loadable {
  constructor(context: Context, private readonly find: () => Sheet) {
    super(context);
  }
  protected override read(name: string): unknown {
    if (name !== "name") throw new ExcelError("InvalidArgument");
    return this.find().name;
  }
  get name(): string { return this.loaded("name"); }
  activate(): void {
    this.context.later(() => { this.context.excel.active = this.find().name; });
  }
  getRange = (address: string) => new Range(this.context, () => boxOf(this.find(), address));
}

class Book extends Loadable {
  protected override read(name: string): unknown {
    if (name !== "name") throw new ExcelError("InvalidArgument");
    return this.context.excel.name;
  }
  get name(): string { return this.loaded("name"); }
  worksheets = {
    getItem: (key: string) =>
      new SheetObject(this.context, () => {
        const found = this.context.excel.sheets.find((sheet) => sheet.name === key || sheet.id === key);
        if (!found) throw new ExcelError("ItemNotFound");
        return found;
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

class Context {
  private queue: (() => void)[] = [];
  sent = 0;
  answered = 0;
  workbook = new Book(this);
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
  install(): this {
    const excel = this;
    vi.stubGlobal("Excel", {
      run: async (work: (context: Context) => Promise<unknown>) => {
        const context = new Context(excel);
        const result = await work(context);
        await context.sync();
        excel.syncs -= 1; // the closing sync has nothing to send
        return result;
      },
      createWorkbook: async (file: string) => void excel.opened.push(atob(file)),
    });
    vi.stubGlobal("Office", {
      PlatformType: { OfficeOnline: "OfficeOnline" },
      context: {
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
}
