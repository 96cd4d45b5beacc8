import { useOfficeRequests } from "../office/use_requests";
import type { PathStore } from "../state/path_store";

/** Does what the open path asks of Excel; shows nothing. */
export function ExcelRequests({ store }: { store: PathStore | null }) {
  useOfficeRequests(store);
  return null;
}
