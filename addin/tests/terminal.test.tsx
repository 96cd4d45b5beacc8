import { FluentProvider, webLightTheme } from "@fluentui/react-components";
import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import { EMPTY } from "../src/state/model";
import { detectLanguage } from "../src/terminal/languages";
import { Terminal } from "../src/terminal/terminal";

afterEach(cleanup);

describe("the language of code is seen by its text:", () => {
  it.each([
    ["", "python"],
    ["import pandas as pd\ndf = pd.read_excel('inputs/a.xlsx')\nprint(df)", "python"],
    ["x = 1", "python"],
    ["df.head()", "python"],
    ["total = sum(n for n in rows if n > 3)", "python"],
    ["for name in names:\n    print(name)", "python"],
    ["!ls -la", "python"],
    ["%timeit sum(range(10))", "python"],
    ["print('const x = 1; console.log(x)')", "python"],
    ["from os import path", "python"],
    ["ax.plot(x);", "python"],
    ["x=5", "python"],
    ["y = a -b", "python"],
    ["sort = 3", "python"],
    ["d = {k: any(v) for k, v in rows}", "python"],
    ["sales = {'a': 1}\nsales['a']", "python"],
    ["const x = [1, 2, 3];\nconsole.log(x.map((n) => n * 2));", "javascript"],
    ["let total = 0\nfor (const n of [1, 2]) { total += n }\ntotal", "javascript"],
    ["function twice(n) { return n * 2 }\ntwice(4)", "javascript"],
    ["import { read } from 'npm:xlsx';\nread;", "javascript"],
    ["throw new Error('no such region')", "javascript"],
    ["new Date(2026, 0, 1)", "javascript"],
    ["try { run() } catch { typeof run }", "javascript"],
    ["text = 'a new Report (draft)'", "python"],
    ["interface Row { name: string; sales: number }\nconst rows: Row[] = [];", "typescript"],
    ["type Id = string | number;\nlet id: Id = 3;", "typescript"],
    ["const twice = (n: number): number => n * 2;\nconsole.log(twice(2));", "typescript"],
    ["ls -la outputs", "bash"],
    ["echo hello", "bash"],
    ["for f in inputs/*.csv; do wc -l \"$f\"; done", "bash"],
    ["cat inputs/a.csv | head -n 3", "bash"],
    ["grep -c North inputs/sales.csv", "bash"],
    ["#!/bin/bash\nsomething", "bash"],
    ["#!/usr/bin/env python3\nls", "python"],
  ])("%s", (code, language) => {
    expect(detectLanguage(code)).toBe(language);
  });
});

describe("the terminal", () => {
  const run = vi.fn(() => Promise.resolve());
  const show = () =>
    render(
      <FluentProvider theme={webLightTheme}>
        <Terminal
          draft={{ current: "" }} place="new" state={EMPTY} disabled={false} run={run} again={() => {}} drop={() => {}}
          actions={{ path: { conversation: "c", path: "main" }, preview: () => {}, branch: null, undo: null, cancel: () => {}, rate: () => {}, run: null, show: () => {}, insert: null }}
        />
      </FluentProvider>,
    );
  const write = (code: string) => fireEvent.change(screen.getByLabelText("Code"), { target: { value: code } });

  afterEach(() => run.mockClear());

  it("runs code in the language it is written in, which it names", () => {
    show();
    write("echo hello");
    expect(screen.getByLabelText<HTMLSelectElement>("Language").selectedOptions[0]!.textContent).toBe("Bash (detected)");
    fireEvent.click(screen.getByText("Run"));

    expect(run.mock.calls).toEqual([["echo hello", "bash"]]);
  });

  it("takes the user's choice over what it sees, until the choice is taken back", () => {
    show();
    write("echo hello");
    fireEvent.change(screen.getByLabelText("Language"), { target: { value: "typescript" } });
    fireEvent.click(screen.getByText("Run"));
    write("echo again");
    fireEvent.click(screen.getByText("Run"));
    fireEvent.change(screen.getByLabelText("Language"), { target: { value: "" } });
    write("print(1)");
    fireEvent.click(screen.getByText("Run"));

    expect(run.mock.calls).toEqual([["echo hello", "typescript"], ["echo again", "typescript"], ["print(1)", "python"]]);
  });
});
