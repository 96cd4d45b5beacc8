import { Button } from "@fluentui/react-components";
import { AttachRegular, SendFilled } from "@fluentui/react-icons";
import { useLayoutEffect, useRef, useState } from "react";

const TALLEST = 200;

/** The box to ask in: Enter sends, Shift+Enter starts a new line. */
export function Composer({ disabled, reason, pick, send }: {
  disabled: boolean;
  /** Why nothing can be asked now. */
  reason: string;
  pick: () => void;
  /** Resolves once the request is kept somewhere; if it rejects, the words come back. */
  send: (request: string) => Promise<unknown>;
}) {
  const [request, setRequest] = useState("");
  const box = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => {
    if (!box.current) return;
    box.current.style.height = "auto";
    box.current.style.height = `${Math.min(TALLEST, box.current.scrollHeight)}px`;
  }, [request]);
  const submit = () => {
    const words = request.trim();
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
      <textarea
        ref={box}
        id="request"
        rows={1}
        value={request}
        aria-label="Request"
        aria-describedby="composer-help"
        placeholder={disabled && reason ? reason : "Ask about your workbooks"}
        onChange={(event) => setRequest(event.target.value)}
        onKeyDown={(event) => {
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
