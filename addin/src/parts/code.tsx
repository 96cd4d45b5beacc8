import { toJsxRuntime } from "hast-util-to-jsx-runtime";
import bash from "highlight.js/lib/languages/bash";
import javascript from "highlight.js/lib/languages/javascript";
import python from "highlight.js/lib/languages/python";
import typescript from "highlight.js/lib/languages/typescript";
import { createLowlight } from "lowlight";
import { memo } from "react";
import { Fragment, jsx, jsxs } from "react/jsx-runtime";

const lowlight = createLowlight({ bash, javascript, python, typescript });
/** Longer code is shown without colours: they would take longer than a frame. */
const COLOURED_CHARACTERS = 60_000;

/** Code with its colours, as React elements: it never becomes HTML text. */
export const Code = memo(function Code({ code, language = "python" }: { code: string; language?: string }) {
  const coloured = code.length <= COLOURED_CHARACTERS && lowlight.registered(language);
  return (
    <pre className="code" tabIndex={0} aria-label="Code">
      <code>
        {coloured ? toJsxRuntime(lowlight.highlight(language, code), { Fragment, jsx, jsxs }) : code}
      </code>
    </pre>
  );
});
