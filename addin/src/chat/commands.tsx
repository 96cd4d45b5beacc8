import { matches } from "../recovery/fuzzy";

export interface Command {
  name: string;
  says: string;
  run: () => void;
}

/** The commands that *text* may mean: it begins with a slash and is one word. */
export const commandsFor = (text: string, all: readonly Command[]): readonly Command[] =>
  /^\/\S*$/.test(text) ? all.filter((each) => matches(text.slice(1), each.name)) : [];

/** The commands to choose from, above the box. */
export function CommandList({ commands, chosen, run }: { commands: readonly Command[]; chosen: number; run: (command: Command) => void }) {
  if (commands.length === 0) return null;
  return (
    <ul className="commands" role="listbox" id="commands" aria-label="Commands">
      {commands.map((command, place) => (
        <li key={command.name} id={`command-${command.name}`} role="option" aria-selected={place === chosen} onMouseDown={(event) => { event.preventDefault(); run(command); }}>
          <strong>/{command.name}</strong> <span className="quiet">{command.says}</span>
        </li>
      ))}
    </ul>
  );
}
