// Parts of the page that the first screen does not need: they are loaded when it stands.
import { placeFromHash } from "../state/place";
import { type ComponentType, lazy, type LazyExoticComponent } from "react";

const AGAIN_MS = 1500;
const later: (() => Promise<unknown>)[] = [];

/** Load *load* until it comes: the service may be away for a moment. */
async function loaded<T>(load: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await load();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  }
}

/** A component that is loaded when it is first shown, or when there is time. */
export function lazily<P>(load: () => Promise<ComponentType<P>>): LazyExoticComponent<ComponentType<P>> {
  later.push(load);
  return lazy(async () => ({ default: await loaded(load) })) as LazyExoticComponent<ComponentType<P>>;
}

/** Load *load* at once where a conversation is to be opened: it is part of the first screen there. */
export function soon<P>(load: () => Promise<ComponentType<P>>): LazyExoticComponent<ComponentType<P>> {
  if (placeFromHash(location.hash) !== null) void load().catch(() => undefined);
  return lazily(load);
}

/** Load all such parts now, so that they are there when they are wanted, also without the service. */
export function loadTheRest(): void {
  const idle = window.requestIdleCallback ?? ((work: () => void) => setTimeout(work, 200));
  idle(() => void Promise.allSettled(later.map((load) => load())));
}
