import { matches } from "../recovery/fuzzy";

export interface Command {
  name: string;
  says: string;
  run: () => void;
}

/** The commands that *text* may mean, the likeliest first: it begins with a slash and is one word. */
export function commandsFor(text: string, all: readonly Command[]): readonly Command[] {
  if (!/^\/\S*$/.test(text)) return [];
  const search = text.slice(1).toLowerCase();
  const distance = ({ name }: Command) => (name === search ? 0 : name.startsWith(search) ? 1 : name.includes(search) ? 2 : 3);
  return all.filter((each) => matches(search, each.name)).sort((one, other) => distance(one) - distance(other));
}

/** The commands to choose from, above the box. */
export function CommandList({ commands, chosen, run }: { commands: readonly Command[]; chosen: number; run: (command: Command) => void }) {
  if (commands.length === 0) return null;
  return (
    <ul className="commands" role="listbox" id="commands" aria-label="Commands">
      {commands.map((command, place) => (
        <li
          key={command.name}
          id={`command-${command.name}`}
          role="option"
          aria-selected={place === chosen}
          ref={(line) => {
            if (place === chosen) line?.scrollIntoView?.({ block: "nearest" });
          }}
          onMouseDown={(event) => {
            event.preventDefault();
            run(command);
          }}
        >
          <strong>/{command.name}</strong> <span className="quiet">{command.says}</span>
        </li>
      ))}
    </ul>
  );
}
