import { Button, Input, Spinner } from "@fluentui/react-components";
import { DeleteRegular, EditRegular } from "@fluentui/react-icons";
import { useCallback, useEffect, useState } from "react";
import { api } from "../api/client";
import type { FoundError, Schemas } from "../api/events";
import { ErrorCard } from "../chat/cards";
import { moment } from "../parts/words";
import { foundError } from "../state/path_store";

type Preference = Schemas["PreferenceReply"];

/** What the user prefers: stated or noticed; changed, deleted, added. */
export function Preferences() {
  const [held, setHeld] = useState<readonly Preference[] | null>(null);
  const [text, setText] = useState("");
  const [edited, setEdited] = useState<string | null>(null);
  const [problem, setProblem] = useState<FoundError | null>(null);
  const list = useCallback(() => api.preferences().then((found) => setHeld(found.preferences)), []);
  const work = useCallback((what: Promise<unknown>, then: () => void = () => undefined) => {
    setProblem(null);
    what.then(list).then(then, (error: unknown) => setProblem(foundError(error)));
  }, [list]);
  useEffect(() => work(Promise.resolve()), [work]);
  const save = () => {
    const words = text.trim();
    if (!words) return;
    work(edited === null ? api.statePreference(words) : api.changePreference(edited, words), () => {
      setText("");
      setEdited(null);
    });
  };
  if (held === null) return problem ? <ErrorCard error={problem} /> : <Spinner size="tiny" />;
  return (
    <>
      {problem && <ErrorCard error={problem} />}
      {held.length === 0 && <p className="quiet">None yet. Say “from now on …” in a request, or add one here.</p>}
      <ul className="grants preferences">
        {held.map((each) => (
          <li key={each.id} className="line">
            <span className="grow breakable">
              {each.text}
              <span className="quiet grant-time">{each.origin === "stated" ? "Stated" : "Noticed in your requests"}, {moment(each.updated_at ?? each.created_at)}</span>
            </span>
            <Button
              size="small"
              appearance="subtle"
              icon={<EditRegular />}
              aria-label={`Change ${each.text}`}
              onClick={() => {
                setEdited(each.id);
                setText(each.text);
              }}
            />
            <Button size="small" appearance="subtle" icon={<DeleteRegular />} aria-label={`Delete ${each.text}`} onClick={() => work(api.dropPreference(each.id))} />
          </li>
        ))}
      </ul>
      <form
        className="buttons preference-form"
        onSubmit={(event) => {
          event.preventDefault();
          save();
        }}
      >
        <Input className="grow" aria-label={edited === null ? "A new preference" : "The changed preference"} placeholder="Dates as DD.MM.YYYY" value={text} onChange={(_, data) => setText(data.value)} />
        <Button type="submit" disabled={!text.trim()}>{edited === null ? "Add" : "Save"}</Button>
      </form>
    </>
  );
}
