import { type RefObject, useLayoutEffect, useRef, useState } from "react";

const NEAR = 80;

/** Keeps the end of a log in view until the user scrolls away from it; of an *empty* one the beginning. */
export function useStick(changes: unknown, empty: boolean): {
  log: RefObject<HTMLDivElement | null>;
  onScroll: () => void;
  away: boolean;
  toEnd: () => void;
} {
  const log = useRef<HTMLDivElement>(null);
  const sticks = useRef(true);
  const height = useRef(0);
  const [away, setAway] = useState(false);
  const wasEmpty = useRef(empty);
  if (wasEmpty.current && !empty) sticks.current = true;
  wasEmpty.current = empty;
  const toEnd = () => {
    sticks.current = true;
    setAway(false);
    if (log.current) log.current.scrollTop = log.current.scrollHeight;
  };
  const onScroll = () => {
    const box = log.current;
    if (!box) return;
    // The log's own growth scrolls too: only a move at the same height is the user's.
    const grew = box.scrollHeight !== height.current;
    height.current = box.scrollHeight;
    if (empty || (grew && sticks.current)) return;
    sticks.current = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR;
    setAway(!sticks.current);
  };
  useLayoutEffect(() => {
    if (sticks.current && !empty && log.current) log.current.scrollTop = log.current.scrollHeight;
  }, [changes, empty]);
  // Pictures and tables get their height after they were drawn.
  useLayoutEffect(() => {
    const content = log.current?.firstElementChild;
    if (!content || typeof ResizeObserver === "undefined") return;
    const observer = new ResizeObserver(() => {
      if (sticks.current && !wasEmpty.current && log.current) log.current.scrollTop = log.current.scrollHeight;
    });
    observer.observe(content);
    return () => observer.disconnect();
  }, []);
  return { log, onScroll, away, toEnd };
}
