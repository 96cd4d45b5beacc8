import { Switch } from "@fluentui/react-components";
import type { SelectionSwitch } from "./use_excel";

/** Says which range goes along with the next request, and switches that off. */
export function SelectionBar({ selection }: { selection: SelectionSwitch }) {
  const { address, on, turn } = selection;
  return (
    <div className="selection-bar">
      <Switch
        id="send-selection"
        checked={on}
        onChange={(_, data) => turn(data.checked)}
        label={on ? `Send the selected cells: ${address ?? "none"}` : "Selected cells are not sent"}
      />
    </div>
  );
}
