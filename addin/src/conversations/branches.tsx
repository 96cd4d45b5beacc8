import {
  Button, Dialog, DialogActions, DialogBody, DialogContent, DialogSurface, DialogTitle, Input, Menu, MenuItem,
  MenuItemRadio, MenuList, MenuPopover, MenuTrigger,
} from "@fluentui/react-components";
import { BranchForkRegular, MergeRegular } from "@fluentui/react-icons";
import { useState } from "react";
import { api, type PathName } from "../api/client";
import type { FoundError, Schemas } from "../api/events";
import { ErrorCard } from "../chat/cards";
import { Choices } from "../parts/choices";
import { useMay } from "../state/may";
import { foundError } from "../state/path_store";

type Path = Schemas["Path"];

const nameOf = (path: Path): string => (path.name === "main" ? "Main" : path.title || path.name);

/** Which branch is open; switches to another, and merges this one. */
export function BranchMenu({ paths, current, open, merge }: {
  paths: readonly Path[];
  current: string;
  open: (path: string) => void;
  merge: () => void;
}) {
  const may = useMay().can("run");
  const here = paths.find((path) => path.name === current);
  if (paths.length < 2 || !here) return null;
  return (
    <Menu checkedValues={{ path: [current] }}>
      <MenuTrigger disableButtonEnhancement>
        <Button className="branch-button" size="small" icon={<BranchForkRegular />} aria-label={`Branch: ${nameOf(here)}`}>
          <span className="ellipsis">{nameOf(here)}</span>
        </Button>
      </MenuTrigger>
      <MenuPopover>
        <MenuList>
          {paths.map((path) => (
            <MenuItemRadio key={path.name} name="path" value={path.name} onClick={() => open(path.name)}>
              {nameOf(path)}
              {path.merged_into ? " (merged)" : ""}
            </MenuItemRadio>
          ))}
          {may && current !== "main" && !here.merged_into && (
            <MenuItem icon={<MergeRegular />} onClick={merge}>
              Merge “{nameOf(here)}” …
            </MenuItem>
          )}
        </MenuList>
      </MenuPopover>
    </Menu>
  );
}

/** Ask for the name of a branch that begins after *turn*. */
export function BranchDialog({ path, turn, close, done }: {
  path: PathName;
  turn: string;
  close: () => void;
  done: (name: string) => void;
}) {
  const [name, setName] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<FoundError | null>(null);
  const begin = () => {
    setBusy(true);
    void api.branch(path.conversation, { name: name.trim(), source_path: path.path, source_turn_id: turn }).then(
      (branch) => done(branch.name),
      (error: unknown) => {
        setBusy(false);
        setProblem(foundError(error));
      },
    );
  };
  return (
    <Dialog open onOpenChange={(_, data) => !data.open && close()}>
      <DialogSurface className="small-dialog">
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (name.trim()) begin();
          }}
        >
          <DialogBody>
            <DialogTitle as="h2">Try something else from here</DialogTitle>
            <DialogContent>
              <p>A branch has its own files, variables and notebook. This conversation stays as it is.</p>
              <Input className="wide" aria-label="Name of the branch" placeholder="Name, such as “with 2 % growth”" value={name} maxLength={200} onChange={(_, data) => setName(data.value)} />
              {problem && <ErrorCard error={problem} />}
            </DialogContent>
            <DialogActions>
              <Button onClick={close}>Cancel</Button>
              <Button type="submit" appearance="primary" disabled={busy || !name.trim()}>Branch</Button>
            </DialogActions>
          </DialogBody>
        </form>
      </DialogSurface>
    </Dialog>
  );
}

type Mode = "summary" | "full";

/** Ask how a branch is merged. */
export function MergeDialog({ path, into, close, done }: {
  path: PathName;
  into: string;
  close: () => void;
  done: () => void;
}) {
  const [mode, setMode] = useState<Mode>("summary");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<FoundError | null>(null);
  const merge = () => {
    setBusy(true);
    void api.merge(path, { into, mode }).then(
      (reply) => {
        if (reply.kind !== "error") return done();
        setBusy(false);
        const { error } = reply as unknown as { error?: FoundError };
        setProblem(error ?? { code: "merge", message: "The merge did not end well.", hint: "Look at the conversation.", details: {} });
      },
      (error: unknown) => {
        setBusy(false);
        setProblem(foundError(error));
      },
    );
  };
  return (
    <Dialog open onOpenChange={(_, data) => !data.open && close()}>
      <DialogSurface className="small-dialog">
        <DialogBody>
          <DialogTitle as="h2">Merge this branch into {into === "main" ? "Main" : into}</DialogTitle>
          <DialogContent>
            <Choices<Mode>
              label="How much"
              value={mode}
              choose={setMode}
              choices={[
                ["summary", "A summary: what was asked and answered"],
                ["full", "In full: its code runs again there, and makes its files"],
              ]}
            />
            {problem && <ErrorCard error={problem} />}
          </DialogContent>
          <DialogActions>
            <Button onClick={close}>Cancel</Button>
            <Button appearance="primary" className="confirm-merge" disabled={busy} onClick={merge}>Merge</Button>
          </DialogActions>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  );
}
