import { Button } from "@fluentui/react-components";
import { ArrowDownRegular } from "@fluentui/react-icons";
import type { ReactNode } from "react";
import { useStick } from "./stick";

/** A log that keeps its end in view; *changes* is another value whenever something was added. */
export function Log({ id, label, changes, empty, children }: {
  id?: string;
  label: string;
  changes: unknown;
  /** There is only a welcome, which is read from its beginning. */
  empty: boolean;
  children: ReactNode;
}) {
  const stick = useStick(changes, empty);
  return (
    <>
      <div className="log" id={id} ref={stick.log} onScroll={stick.onScroll} tabIndex={0} role="region" aria-label={label}>
        <div className="column">{children}</div>
      </div>
      {stick.away && (
        <Button className="to-end" size="small" shape="circular" icon={<ArrowDownRegular />} onClick={stick.toEnd}>
          Latest
        </Button>
      )}
    </>
  );
}
