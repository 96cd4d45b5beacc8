// Downloads of a pane that signs in by token: a link can't send one, so the page fetches the file.
import { fileContent } from "./client";

/** Event of the window whose detail is why a download failed. */
export const DOWNLOAD_FAILED = "tallybook.download-failed";

/** Take over a click on a link to download something of the service. */
export function downloadWithToken(event: MouseEvent): void {
  const link = (event.target as Element | null)?.closest<HTMLAnchorElement>("a[download]");
  if (!link || link.origin !== location.origin) return;
  event.preventDefault();
  void fileContent(link.href).then(
    (content) => save(content, link.download || (link.pathname.split("/").at(-1) ?? "file")),
    (error: unknown) => dispatchEvent(new CustomEvent(DOWNLOAD_FAILED, { detail: error })),
  );
}

function save(content: Blob, name: string): void {
  const address = URL.createObjectURL(content);
  // The link is not in the document, so that its click is not taken over again.
  Object.assign(document.createElement("a"), { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
