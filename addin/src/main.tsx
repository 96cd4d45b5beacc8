import { createDOMRenderer, RendererProvider } from "@fluentui/react-components";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app";
import "./app.css";

// The policy of the page allows style elements with this answer's nonce only.
const nonce = document.querySelector<HTMLScriptElement>("script[nonce]")?.nonce ?? "";
const renderer = createDOMRenderer(document, { styleElementAttributes: { nonce } });
const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <RendererProvider renderer={renderer} targetDocument={document}>
        <App />
      </RendererProvider>
    </StrictMode>,
  );
}
