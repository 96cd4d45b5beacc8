// Downloads of a pane that signs in by token: a link can't send one, so the page fetches the file.
import { fileContent } from "./client";

let report: (error: unknown) => void = () => undefined;

/** Give failures of downloads to *to*; returns how to end that. */
export function onFailedDownload(to: (error: unknown) => void): () => void {
  report = to;
  return () => {
    report = () => undefined;
  };
}

/** Take over a click on a link to download something of the service. */
export function downloadWithToken(event: MouseEvent): void {
  const link = (event.target as Element | null)?.closest<HTMLAnchorElement>("a[download]");
  if (!link || link.origin !== location.origin) return;
  event.preventDefault();
  void fileContent(link.href).then(
    (content) => save(content, link.download || (link.pathname.split("/").at(-1) ?? "file")),
    (error: unknown) => report(error),
  );
}

function save(content: Blob, name: string): void {
  const address = URL.createObjectURL(content);
  // The link is not in the document, so that its click is not taken over again.
  Object.assign(document.createElement("a"), { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
