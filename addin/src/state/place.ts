// Where in the page the user is: the address has it, and the browser keeps the last one.
import type { PathName } from "../api/client";
import { keyOf } from "./user";

const kept = () => keyOf("last");
export const NEW = "new";

export function placeFromHash(hash: string): PathName | null {
  const [conversation, path] = hash.replace(/^#/, "").split("/");
  if (!conversation || conversation === NEW || !/^[\w-]+$/.test(conversation)) return null;
  return { conversation, path: path && /^[\w.-]+$/.test(path) ? path : "main" };
}

export const hashOf = (place: PathName | null): string =>
  place === null ? `#${NEW}` : place.path === "main" ? `#${place.conversation}` : `#${place.conversation}/${place.path}`;

export function keepPlace(place: PathName | null): void {
  try {
    if (place === null) localStorage.removeItem(kept());
    else localStorage.setItem(kept(), hashOf(place));
  } catch {
    // Without storage the page begins with a new conversation.
  }
}

/** Where the page begins: as its address says, else where it was last. */
export function firstPlace(): PathName | null {
  if (location.hash.length > 1) return placeFromHash(location.hash);
  try {
    return placeFromHash(localStorage.getItem(kept()) ?? "");
  } catch {
    return null;
  }
}
