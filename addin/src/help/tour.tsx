import { Button } from "@fluentui/react-components";
import { useEffect, useState } from "react";
import { keyOf } from "../state/user";

interface Stop {
  title: string;
  words: string;
  /** What it is about, which is outlined. */
  target: string;
}
const STOPS: readonly Stop[] = [
  { title: "Add your workbooks", words: "Drop files anywhere on the page, or use the paper clip. Yours stay as they are: results are new files.", target: ".composer [aria-label='Add files']" },
  { title: "Ask in plain words", words: "You see the code, what it prints, and what was checked. What would leave the sandbox asks you first.", target: "#request" },
  { title: "Follow a number", words: "Review traces a cell of a result back to its rows and code, and shows the signed notebook.", target: "#tab-review" },
  { title: "Take it back", words: "The three dots under an answer undo a request. A slash in the box lists this and all other commands.", target: "#request" },
];

const kept = () => keyOf("tour");

/** Whether this user has not seen the tour, or not closed it. */
export function isTourNew(): boolean {
  try {
    return localStorage.getItem(kept()) === null;
  } catch {
    return false; // without storage it would come each time
  }
}

/** Remember whether the user is done with the tour. */
export function keepTour(done: boolean): void {
  try {
    if (done) localStorage.setItem(kept(), "done");
    else localStorage.removeItem(kept());
  } catch {
    // as above
  }
}

/** A few sentences, one after the other, with what they are about outlined. */
export function Tour({ end }: { end: () => void }) {
  const [place, setPlace] = useState(0);
  const stop = STOPS[place] ?? STOPS[0]!;
  const last = place === STOPS.length - 1;
  useEffect(() => {
    const target = document.querySelector(stop.target);
    target?.classList.add("tour-target");
    return () => target?.classList.remove("tour-target");
  }, [stop]);
  return (
    <section
      className="card tour"
      aria-label="Tour"
      onKeyDown={(event) => {
        if (event.key === "Escape") end();
      }}
    >
      <p className="quiet">{place + 1} of {STOPS.length}</p>
      <h3>{stop.title}</h3>
      <p aria-live="polite">{stop.words}</p>
      <div className="buttons">
        <Button size="small" appearance="primary" className="tour-next" onClick={() => (last ? end() : setPlace(place + 1))}>{last ? "Done" : "Next"}</Button>
        {!last && <Button size="small" appearance="subtle" className="tour-end" onClick={end}>Skip the tour</Button>}
      </div>
    </section>
  );
}
