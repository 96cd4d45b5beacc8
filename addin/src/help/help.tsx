import { Button, Dialog, DialogActions, DialogBody, DialogContent, DialogSurface, DialogTitle } from "@fluentui/react-components";
import type { Command } from "../chat/commands";

const KEYS: readonly [string, string][] = [
  ["Enter", "send the request"],
  ["Shift+Enter", "start a new line; in the terminal, run the code"],
  ["/", "list the commands; the arrow keys choose, Tab completes, Enter runs"],
  ["Esc", "close what lies over the page"],
  ["Tab", "go to the next button or field"],
];
const FACTS: readonly [string, string][] = [
  ["Your files stay as they are.", "Results are new files. Under an answer, the three dots undo a request."],
  ["Code that would leave the sandbox asks first.", "The question names addresses, files and what would leave; the settings list what you allowed, and take it back."],
  ["Green, amber.", "What was written is checked and tied out against what was read: one line, green or amber, that opens."],
  ["Every number can be traced.", "Review follows a cell of a result back to its rows and code, and shows the signed notebook."],
];

/** Keys, commands and what to know, over the page. */
export function HelpDialog({ commands, close }: { commands: readonly Command[]; close: () => void }) {
  return (
    <Dialog open onOpenChange={(_, data) => !data.open && close()}>
      <DialogSurface className="help">
        <DialogBody>
          <DialogTitle as="h2">Help</DialogTitle>
          <DialogContent className="help-content" tabIndex={0}>
            <ul>
              {FACTS.map(([fact, words]) => <li key={fact}><strong>{fact}</strong> {words}</li>)}
            </ul>
            <h3 className="group">Commands</h3>
            <dl className="facts">
              {commands.map(({ name, says }) => <Entry key={name} term={`/${name}`} words={says} />)}
            </dl>
            <h3 className="group">Keys</h3>
            <dl className="facts">
              {KEYS.map(([key, words]) => <Entry key={key} term={key} words={words} />)}
            </dl>
          </DialogContent>
          <DialogActions>
            <Button appearance="primary" onClick={close}>Close</Button>
          </DialogActions>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  );
}

function Entry({ term, words }: { term: string; words: string }) {
  return (
    <>
      <dt><kbd>{term}</kbd></dt>
      <dd>{words}</dd>
    </>
  );
}
