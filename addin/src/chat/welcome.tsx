import { Button } from "@fluentui/react-components";
import { READS_ONLY } from "../state/may";
import { AttachRegular, CodeRegular, KeyRegular, PlayRegular } from "@fluentui/react-icons";

const IDEAS = [
  "Stack these workbooks and keep rows where Sales > 1000",
  "Make a pivot of Sales by Region and Quarter, and a chart",
  "Compare the two files and list the rows that differ",
];

/** The first screen of a conversation; without a model it says how to set one up. */
export function Welcome({ reads = false, model, pick, ask, terminal, demo }: {
  /** The user may read only. */
  reads?: boolean;
  /** Name of the model; null without one, undefined while that is not known. */
  model: string | null | undefined;
  pick: () => void;
  ask: (request: string) => void;
  terminal: () => void;
  /** Play the recorded conversation. */
  demo: () => void;
}) {
  if (reads) {
    return (
      <div className="welcome">
        <h2>Conversations to read</h2>
        <p className="quiet">{READS_ONLY}. Open a conversation: its answers, files, traces and the notebook are there.</p>
      </div>
    );
  }
  if (model === null) return <NoModel terminal={terminal} demo={demo} />;
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

function NoModel({ terminal, demo }: { terminal: () => void; demo: () => void }) {
  return (
    <div className="welcome" id="no-model">
      <h2>There is no language model yet</h2>
      <p>
        Asking in plain words needs one. Until then you can play the recorded demo, add files, and run code yourself,
        recorded in the same notebook.
      </p>
      <div className="buttons">
        <Button appearance="primary" icon={<PlayRegular />} onClick={demo}>Play the recorded demo</Button>
        <Button icon={<CodeRegular />} onClick={terminal}>Run code</Button>
      </div>
      <p className="quiet">
        The demo stacks three example workbooks, makes a pivot and checks both. The model's words and code were recorded;
        the files, the code's run and the checks are real.
      </p>
      <h3 className="group">Set a language model up</h3>
      <p>Once, where this service is started:</p>
      <SetUpModel />
    </div>
  );
}

/** The ways to give the service a language model. */
export function SetUpModel() {
  return (
    <>
      <ul className="steps">
        <li>
          With a key for the Gemini API:
          <Command line="GEMINI_API_KEY=… tallybook serve" />
        </li>
        <li>
          With a model on your own machines, such as Ollama or vLLM; no data leaves them then:
          <Command line="tallybook serve --model-protocol openai --model-base-url http://127.0.0.1:11434/v1 --model NAME" />
        </li>
        <li>
          With any other service of OpenAI's chat protocol, by its address and a key:
          <Command line="OPENAI_API_KEY=… tallybook serve --model-protocol openai --model-base-url ADDRESS --model NAME" />
        </li>
      </ul>
      <p className="line quiet"><KeyRegular /> The key stays on that machine: neither this page nor the code gets it.</p>
    </>
  );
}

/** A command; it is broken between its words only. */
const Command = ({ line }: { line: string }) => (
  <pre className="printed command" tabIndex={0} aria-label="Command">
    {line.split(" ").map((word, place) => <span key={place}>{place > 0 && " "}<span className="word">{word}</span></span>)}
  </pre>
);
