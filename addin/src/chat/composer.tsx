import { Button } from "@fluentui/react-components";
import { AttachRegular, SendFilled } from "@fluentui/react-icons";
import { type Command, CommandList, commandsFor } from "./commands";
import { type ReactNode, type RefObject, useLayoutEffect, useRef, useState } from "react";

const TALLEST = 200;
const NONE: readonly Command[] = [];

/** The box to ask in: Enter sends, Shift+Enter starts a new line. */
export function Composer({ disabled, reason, pick, send, commands = NONE, mode = null, draft }: {
  disabled: boolean;
  /** Why nothing can be asked now. */
  reason: string;
  pick: () => void;
  /** Resolves once the request is kept somewhere; if it rejects, the words come back. */
  send: (request: string) => Promise<unknown>;
  /** What a word behind a slash does. */
  commands?: readonly Command[];
  /** Keeps what is being written while another tab is shown. */
  draft?: RefObject<string>;
  /** How the conversation works, to be chosen. */
  mode?: ReactNode;
}) {
  const [request, setRequest] = useState(draft?.current ?? "");
  const [place, setPlace] = useState(0);
  const offered = commandsFor(request, commands);
  const chosen = Math.min(place, offered.length - 1);
  const run = (command: Command) => {
    setRequest("");
    setPlace(0);
    command.run();
  };
  const box = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => {
    if (draft) draft.current = request;
    if (!box.current) return;
    box.current.style.height = "auto";
    box.current.style.height = `${Math.min(TALLEST, box.current.scrollHeight)}px`;
  }, [request, draft]);
  const submit = () => {
    const words = request.trim();
    const command = offered[chosen];
    if (command) return run(command);
    if (!words || disabled) return;
    setRequest("");
    send(words).catch(() => setRequest((now) => now || words));
  };
  return (
    <form
      className="composer"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <CommandList commands={offered} chosen={chosen} run={run} />
      <textarea
        ref={box}
        aria-controls={offered.length > 0 ? "commands" : undefined}
        aria-activedescendant={offered[chosen] ? `command-${offered[chosen].name}` : undefined}
        id="request"
        rows={1}
        value={request}
        aria-label="Request"
        aria-describedby="composer-help"
        placeholder={disabled && reason ? reason : "Ask about your workbooks"}
        onChange={(event) => setRequest(event.target.value)}
        onKeyDown={(event) => {
          if (offered.length > 0 && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
            event.preventDefault();
            setPlace((chosen + (event.key === "ArrowDown" ? 1 : offered.length - 1)) % offered.length);
            return;
          }
          if (offered.length > 0 && event.key === "Tab" && !event.shiftKey) {
            event.preventDefault();
            setRequest(`/${offered[chosen]?.name ?? ""}`);
            return;
          }
          if (offered.length > 0 && event.key === "Escape") {
            event.preventDefault();
            setRequest("");
            return;
          }
          if (event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing) {
            event.preventDefault();
            submit();
          }
        }}
      />
      <div className="composer-bar">
        <Button
          appearance="subtle"
          icon={<AttachRegular />}
          aria-label="Add files"
          onClick={pick}
        />
        {mode}
        <span id="composer-help" className="quiet grow composer-help">Enter sends, Shift+Enter starts a line</span>
        <Button
          id="send"
          type="submit"
          appearance="primary"
          icon={<SendFilled />}
          disabled={disabled || !request.trim()}
          aria-label="Ask"
        />
      </div>
    </form>
  );
}
