import { memo } from "react";
import ReactMarkdown, { type Components } from "react-markdown";
import { Code } from "./code";
import { gfm } from "./gfm";

const components: Components = {
  a: ({ href, children }) => (
    <a href={href} target="_blank" rel="noreferrer noopener">
      {children}
    </a>
  ),
  // The policy of the page loads no foreign picture: its words stand for it.
  img: ({ alt }) => <span className="quiet">{alt ? `[picture: ${alt}]` : "[picture]"}</span>,
  table: ({ children }) => (
    <div className="scroller" tabIndex={0} role="region" aria-label="Table">
      <table className="plain-table">{children}</table>
    </div>
  ),
  pre: ({ children }) => <>{children}</>,
  code: ({ className, children }) => {
    const language = /language-(\w+)/.exec(className ?? "")?.[1];
    const text = String(children);
    return language || text.includes("\n") ? (
      <Code code={text.replace(/\n$/, "")} {...(language ? { language } : { language: "text" })} />
    ) : (
      <code className="inline-code">{children}</code>
    );
  },
};
const plugins = [gfm];

/** Markdown as React elements: HTML in it stays text, and only safe links are links. */
export const Markdown = memo(function Markdown({ text }: { text: string }) {
  return (
    <div className="markdown">
      <ReactMarkdown remarkPlugins={plugins} components={components}>
        {text}
      </ReactMarkdown>
    </div>
  );
});
