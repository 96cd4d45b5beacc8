import { Button } from "@fluentui/react-components";
import { useId, useState } from "react";

const HOUR = 3_600_000;
const pad = (number: number) => String(number).padStart(2, "0");

/** *date* as an input of type `datetime-local` writes it. */
export const localTime = (date: Date): string =>
  `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}T${pad(date.getHours())}:${pad(date.getMinutes())}`;

/** The last moment of the day of *date*. */
export const endOfDay = (date: Date): Date => new Date(date.getFullYear(), date.getMonth(), date.getDate(), 23, 59, 59);

/** The moment in *text*, if it is one that is still to come. */
export function momentToCome(text: string, now: Date): Date | null {
  const date = new Date(text);
  return Number.isNaN(date.getTime()) || date <= now ? null : date;
}

/** Times to choose from until when something is allowed. */
export function UntilChoice({ choose, disabled }: { choose: (until: Date) => void; disabled: boolean }) {
  const [own, setOwn] = useState(() => localTime(new Date(Date.now() + 2 * HOUR)));
  const [wrong, setWrong] = useState(false);
  const input = useId();
  const take = () => {
    const until = momentToCome(own, new Date());
    setWrong(until === null);
    if (until) choose(until);
  };
  return (
    <div className="until" role="group" aria-label="Until when">
      <div className="buttons">
        <Button size="small" disabled={disabled} onClick={() => choose(new Date(Date.now() + HOUR))}>For an hour</Button>
        <Button size="small" disabled={disabled} onClick={() => choose(endOfDay(new Date()))}>For today</Button>
        <Button size="small" disabled={disabled} onClick={() => choose(new Date(Date.now() + 7 * 24 * HOUR))}>For 7 days</Button>
      </div>
      <div className="buttons">
        <label htmlFor={input}>Until</label>
        <input id={input} type="datetime-local" className="plain-input" value={own} onChange={(event) => setOwn(event.target.value)} />
        <Button size="small" className="until-own" disabled={disabled} onClick={take}>Allow</Button>
      </div>
      {wrong && <p className="warn" role="alert">Choose a time that is still to come.</p>}
    </div>
  );
}
