// Whether Excel holds this page, and Office.js if it does.
const OFFICE_JS = "https://appsforoffice.microsoft.com/lib/1/hosted/office.js";
const PATIENCE = 20_000;

export interface Host {
  /** The page was opened by the add-in's manifest. */
  wanted: boolean;
  /** Office.js is there, and Excel answers. */
  excel: boolean;
  /** Prefix for the keys of this host's storage. */
  partition: string | undefined;
}

export const OUTSIDE: Host = { wanted: false, excel: false, partition: undefined };

/** Whether the address, or an Office.js that is there already, says that the page is in Excel. */
export const wantsExcel = (search: string, scope: object = globalThis): boolean =>
  new URLSearchParams(search).get("host") === "excel" || "Office" in scope;

/** Load Office.js if Excel opened this page, and wait until Excel answers. */
export async function openHost(search: string = location.search): Promise<Host> {
  if (!wantsExcel(search)) return OUTSIDE;
  const found = await within(PATIENCE, loadOffice().then(() => Office.onReady())).catch(() => null);
  const excel = String(found?.host) === "Excel";
  return { wanted: true, excel, partition: excel ? Office.context.partitionKey : undefined };
}

async function loadOffice(): Promise<void> {
  if ("Office" in globalThis) return;
  // Office.js takes these away, and the page needs them for its address.
  const { pushState, replaceState } = history;
  try {
    await new Promise<void>((resolve, reject) => {
      const script = document.createElement("script");
      script.src = OFFICE_JS;
      script.onload = () => resolve();
      script.onerror = () => reject(new Error("Office.js could not be loaded"));
      document.head.append(script);
    });
  } finally {
    Object.assign(history, { pushState, replaceState });
  }
}

function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("no answer")), milliseconds);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
