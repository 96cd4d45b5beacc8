import { Button } from "@fluentui/react-components";
import { AttachRegular, CodeRegular, KeyRegular } from "@fluentui/react-icons";

const IDEAS = [
  "Stack these workbooks and keep rows where Sales > 1000",
  "Make a pivot of Sales by Region and Quarter, and a chart",
  "Compare the two files and list the rows that differ",
];

/** The first screen of a conversation; without a model it says how to set one up. */
export function Welcome({ model, pick, ask, terminal }: {
  /** Name of the model; null without one, undefined while that is not known. */
  model: string | null | undefined;
  pick: () => void;
  ask: (request: string) => void;
  terminal: () => void;
}) {
  if (model === null) return <NoModel terminal={terminal} />;
  return (
    <div className="welcome">
      <h2>What should be done with your workbooks?</h2>
      <p className="quiet">
        Add files and ask in plain words. You see the code, what it shows and what was checked; results are new
        files, and yours stay as they are.
      </p>
      <div className="buttons">
        <Button appearance="primary" icon={<AttachRegular />} onClick={pick}>Add files</Button>
        <Button icon={<CodeRegular />} onClick={terminal}>Run code yourself</Button>
      </div>
      <h3 className="group">Such as</h3>
      <ul className="ideas">
        {IDEAS.map((idea) => (
          <li key={idea}>
            <button type="button" className="idea" onClick={() => ask(idea)}>{idea}</button>
          </li>
        ))}
      </ul>
    </div>
  );
}

function NoModel({ terminal }: { terminal: () => void }) {
  return (
    <div className="welcome" id="no-model">
      <h2>There is no language model yet</h2>
      <p>Asking in plain words needs one. Whoever runs this service sets it up once:</p>
      <ol className="steps">
        <li>Get a key for the Gemini API.</li>
        <li>
          Start the service with it:
          <pre className="printed" tabIndex={0} aria-label="Command">GEMINI_API_KEY=… tallybook serve</pre>
        </li>
        <li>
          Or name another address that speaks the same protocol:
          <pre className="printed" tabIndex={0} aria-label="Command">tallybook serve --model NAME --model-base-url ADDRESS</pre>
        </li>
      </ol>
      <p className="line quiet"><KeyRegular /> The key stays on that machine: neither this page nor the code gets it.</p>
      <p>Until then you can add files and run code yourself, recorded in the same notebook.</p>
      <div className="buttons">
        <Button appearance="primary" icon={<CodeRegular />} onClick={terminal}>Run code</Button>
      </div>
    </div>
  );
}
