// A permission request in plain words: what it reaches, which data leaves, what a standing one covers.
import type { AskedCall, PermissionRequired } from "../api/events";

/** *text* with its invisible characters written out: some turn the reading direction of what follows. */
export const legible = (text: string): string =>
  text.replace(/[\p{Cc}\p{Cf}]/gu, (each) => `\\u{${(each.codePointAt(0) ?? 0).toString(16)}}`);

/** Why permission is needed: each reason once. */
export function reasons(asked: PermissionRequired): string[] {
  if (asked.mode) return [asked.explanation];
  const found = asked.findings.map((finding) => (finding.line > 0 ? `Line ${finding.line}: ${finding.reason}` : finding.reason));
  return found.length > 0 ? [...new Set(found)] : [asked.explanation];
}

/** The reasons in one line. */
export const summary = (asked: PermissionRequired): string =>
  [...new Set(asked.findings.map((finding) => finding.reason))].join("; ") || asked.explanation;

/** What of *asked* is not an address: names by what they are. */
export function reached(asked: PermissionRequired): { files: string[]; libraries: string[]; others: string[] } {
  const files: string[] = [];
  const libraries: string[] = [];
  const covered = new Set((asked.network ?? []).map((call) => call.url));
  for (const capability of asked.capabilities) {
    const cut = capability.indexOf(":");
    const [kind, name] = [capability.slice(0, cut), capability.slice(cut + 1)];
    covered.add(name).add(capability);
    if (kind === "path") files.push(legible(name));
    else if (kind === "library") libraries.push(legible(name));
  }
  const others = asked.targets.filter((target) => target !== "" && !covered.has(target)).map(legible);
  return { files, libraries, others };
}

/** The address of *call* in three parts, so that its host stands out; null if only the running code knows it. */
export function addressParts(call: AskedCall): { before: string; host: string; path: string } | null {
  const url = legible(call.url);
  if (url === "") return null;
  const place = call.host === "" ? -1 : url.toLowerCase().indexOf(call.host.toLowerCase(), url.indexOf("://") + 3);
  if (place < 0) return { before: "", host: "", path: url };
  const end = place + call.host.length;
  return { before: url.slice(0, place), host: url.slice(place, end), path: url.slice(end) };
}

/** Which data would leave with *call*. */
export function leaving(call: AskedCall): string {
  const parts: string[] = [];
  if (call.body) parts.push(call.body_bytes === null ? "a body, whose size only the running code knows" : `a body of ${call.body_bytes.toLocaleString()} bytes`);
  if (call.variables.length > 0) parts.push(`values of ${call.variables.join(", ")}`);
  return parts.length > 0 ? parts.join(", with ") : "nothing but the address itself";
}

/** What a standing permission would cover. */
export const covered = (asked: PermissionRequired): readonly string[] =>
  [...new Set(asked.always?.length ? asked.always : asked.capabilities)];
