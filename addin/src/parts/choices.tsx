import { useId } from "react";

/** One of several, as radio buttons of the browser. */
export function Choices<Value extends string>({ label, value, choices, choose }: {
  label: string;
  value: Value;
  choices: readonly (readonly [Value, string])[];
  choose: (value: Value) => void;
}) {
  const name = useId();
  return (
    <div className="choices" role="radiogroup" aria-label={label}>
      {choices.map(([each, words]) => (
        <label key={each}>
          <input type="radio" name={name} value={each} checked={each === value} onChange={() => choose(each)} /> {words}
        </label>
      ))}
    </div>
  );
}
