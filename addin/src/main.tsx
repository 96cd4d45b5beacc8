import { createDOMRenderer, RendererProvider } from "@fluentui/react-components";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { downloadWithToken } from "./api/downloads";
import { framed, paneToken } from "./api/pane_token";
import { App } from "./app";
import { openHost } from "./office/host";
import "./app.css";

// The policy of the page allows style elements with this answer's nonce only.
const nonce = document.querySelector<HTMLScriptElement>("script[nonce]")?.nonce ?? "";
const renderer = createDOMRenderer(document, { styleElementAttributes: { nonce } });
const root = document.getElementById("root");

async function start(root: HTMLElement): Promise<void> {
  const host = await openHost();
  const inFrame = framed();
  if (inFrame && !host.excel) {
    // Another page could lay it under its own, and have the user click what they don't see.
    root.textContent = "Tallybook opens inside a page of Excel only. Open it from Excel's Home tab.";
    return;
  }
  if (inFrame) {
    paneToken.begin(host.partition);
    addEventListener("click", downloadWithToken, true);
  }
  createRoot(root).render(
    <StrictMode>
      <RendererProvider renderer={renderer} targetDocument={document}>
        <App host={host} />
      </RendererProvider>
    </StrictMode>,
  );
}

if (root) void start(root);
