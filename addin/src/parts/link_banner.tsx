import { Button } from "@fluentui/react-components";
import { PlugDisconnectedRegular } from "@fluentui/react-icons";
import type { Link } from "../state/connection";
import { useNow } from "./words";

/** Says that the service is away or the conversation is gone; nothing while all is well. */
export function LinkBanner({ link, retry, begin }: { link: Link; retry: () => void; begin: () => void }) {
  const now = useNow(link.state === "away");
  if (link.state === "gone") {
    return (
      <div className="banner" role="alert">
        <span className="grow">This conversation is not there: it was deleted, or belongs to somebody else.</span>
        <Button size="small" onClick={begin}>New conversation</Button>
      </div>
    );
  }
  if (link.state !== "away") return null;
  const seconds = Math.max(0, Math.ceil((link.retryAt - now) / 1000));
  return (
    <div className="banner" role="status">
      <PlugDisconnectedRegular />
      <span className="grow">
        The service does not answer. What you send is kept and goes out when it is back.
        <span aria-hidden="true"> {seconds > 0 ? `Next try in ${seconds} s.` : "Trying …"}</span>
      </span>
      <Button size="small" onClick={retry}>Try now</Button>
    </div>
  );
}
