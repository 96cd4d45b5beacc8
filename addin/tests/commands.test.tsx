import { FluentProvider, webLightTheme } from "@fluentui/react-components";
import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { commandsFor } from "../src/chat/commands";
import { Composer } from "../src/chat/composer";
import { HelpDialog } from "../src/help/help";
import { isTourNew, keepTour, Tour } from "../src/help/tour";
import { commandsOf, type Does } from "../src/page/commands";
import { EMPTY } from "../src/state/model";
import { reduce } from "../src/state/reducer";
import { keptFor } from "../src/state/user";
import { logOf, seen, WHOLE } from "./events";

const shown = (element: React.ReactElement) => render(<FluentProvider theme={webLightTheme}>{element}</FluentProvider>);
const done: string[] = [];
const note = (name: string) => () => void done.push(name);
const does: Does = {
  inExcel: false, filesBeside: false, begin: note("new"), files: note("files"), history: note("history"), revert: note("revert"), trace: note("trace"),
  notebook: note("notebook"), terminal: note("terminal"), settings: note("settings"), help: note("help"), tour: note("tour"),
};
const commands = commandsOf(does);
const names = (text: string) => commandsFor(text, commands).map((each) => each.name);

beforeEach(() => {
  Reflect.set(Element.prototype, "animate", undefined); // cancelled animations are noise here
  done.length = 0;
});
afterEach(() => {
  cleanup();
  localStorage.clear();
  keptFor("");
});

describe("a slash", () => {
  it("alone lists every command, and each does what it says", () => {
    expect(names("/")).toEqual(["new", "files", "history", "revert", "trace", "notebook", "export", "terminal", "settings", "help", "tour"]);
    for (const { run } of commands) run();
    expect(done).toEqual(["new", "files", "history", "revert", "trace", "notebook", "notebook", "terminal", "settings", "help", "tour"]);
  });

  it.each([["/trm", "terminal"], ["/set", "settings"], ["/TR", "trace"], ["/hst", "history"], ["/nb", "notebook"], ["/xp", "export"], ["/undo", undefined], ["trace", undefined], ["/trace B3", undefined]])(
    "with %s offers %s first",
    (text, name) => {
      expect(names(text)[0]).toBe(name);
    },
  );

  it("runs the chosen command without a model, and sends nothing", () => {
    const send = vi.fn(() => Promise.resolve());
    shown(<Composer disabled reason="There is no language model yet" pick={() => {}} send={send} commands={commands} />);
    const box = screen.getByLabelText("Request");
    fireEvent.change(box, { target: { value: "/t" } });
    fireEvent.keyDown(box, { key: "ArrowDown" });
    fireEvent.keyDown(box, { key: "Enter" });

    expect(done).toEqual([names("/t")[1]]);
    expect(send).not.toHaveBeenCalled();
  });
});

it("what is being written is there again after another tab was shown", () => {
  const draft = { current: "" };
  const box = () => <Composer disabled={false} reason="" pick={() => {}} send={() => Promise.resolve()} draft={draft} />;
  shown(box());
  fireEvent.change(screen.getByLabelText("Request"), { target: { value: "half a request" } });
  cleanup();
  shown(box());

  expect(screen.getByLabelText<HTMLTextAreaElement>("Request").value).toBe("half a request");
});

it("the help lists every command and the keys", () => {
  const close = vi.fn();
  shown(<HelpDialog commands={commands} close={close} />);

  for (const { name, says } of commands) {
    expect(document.body.textContent).toContain(`/${name}${says}`);
  }
  expect(document.body.textContent).toContain("Shift+Enter");
  fireEvent.click(screen.getByText("Close"));
  expect(close).toHaveBeenCalledOnce();
});

describe("the tour", () => {
  it("goes step by step, outlines what it is about, and ends", () => {
    const end = vi.fn();
    const { container } = shown(<><textarea id="request" /><Tour end={end} /></>);
    const titles = [];
    for (let step = 0; step < 4; step += 1) {
      titles.push(container.querySelector(".tour h3")!.textContent);
      if (step === 1) expect(container.querySelector("#request")!.className).toContain("tour-target");
      fireEvent.click(container.querySelector(".tour-next")!);
    }

    expect(new Set(titles).size).toBe(4);
    expect(end).toHaveBeenCalledOnce();
    cleanup();
    expect(document.querySelector(".tour-target")).toBeNull();
  });

  it("is skipped by a click or Escape", () => {
    const end = vi.fn();
    const { container } = shown(<Tour end={end} />);
    fireEvent.click(screen.getByText("Skip the tour"));
    fireEvent.keyDown(container.querySelector(".tour")!, { key: "Escape" });

    expect(end).toHaveBeenCalledTimes(2);
  });

  it("is new to each user once", () => {
    keptFor("ann");
    expect(isTourNew()).toBe(true);
    keepTour(true);
    expect(isTourNew()).toBe(false);
    keptFor("bob");
    expect(isTourNew()).toBe(true);
    keptFor("ann");
    keepTour(false);
    expect(isTourNew()).toBe(true);
  });
});

it("what a user thought of an answer is there after a reload", () => {
  const state = seen(logOf(WHOLE));
  const rated = reduce(state, { type: "rated", ratings: [{ id: "turn_1", rating: "down" }, { id: "other", rating: "up" }] });

  expect(rated.turns[0]!.rating).toBe("down");
  expect(seen(logOf(WHOLE), reduce(EMPTY, { type: "rated", ratings: [{ id: "turn_1", rating: "up" }] })).turns[0]!.rating).toBe("up");
  expect(reduce(rated, { type: "rated", ratings: [{ id: "turn_1", rating: "down" }] })).toBe(rated);
  expect(reduce(rated, { type: "rated", ratings: [{ id: "turn_1", rating: null }] }).turns[0]!.rating).toBeNull();
});
