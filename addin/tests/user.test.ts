import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { PathStore } from "../src/state/path_store";
import { firstPlace, keepPlace } from "../src/state/place";
import { keptFor } from "../src/state/user";

const path = { conversation: "c", path: "main" };

beforeEach(() => {
  localStorage.clear();
  vi.stubGlobal("WebSocket", class { close() {} });
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("away")));
});
afterEach(() => {
  keptFor("");
  vi.unstubAllGlobals();
});

const pendingOf = (user: string): string[] => {
  keptFor(user);
  const store = new PathStore(path);
  store.close();
  return store.state.pending.map((each) => each.request);
};

it("a request that was not sent is there again for the user who asked it, and for no other", () => {
  keptFor("ann");
  const store = new PathStore(path);
  store.ask("Ann's salaries");
  store.close();

  expect(pendingOf("bob")).toEqual([]);
  expect(pendingOf("ann")).toEqual(["Ann's salaries"]);
});

it("the page opens where this user was last", () => {
  keptFor("ann");
  keepPlace(path);
  keptFor("bob");
  expect(firstPlace()).toBeNull();
  keptFor("ann");
  expect(firstPlace()).toEqual(path);
});

it("no name of a user gives another one's key", () => {
  keptFor("ann.x");
  keepPlace(path);
  keptFor("ann");
  expect(firstPlace()).toBeNull();
});
