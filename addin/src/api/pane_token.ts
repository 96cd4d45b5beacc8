// The access token of a pane that is framed by Excel on the web. There no cookie arrives: it is
// SameSite=Strict. So the page keeps the token in its own storage, under the key that Office gives
// this host's storage, and sends it itself. Everywhere else scripts never see the token.
const KEPT = "tallybook.pane-token";
export const EVENTS_PROTOCOL = "tallybook.events";
const TOKEN_PROTOCOL = "tallybook.token.";

let place: string | null = null;
let token: string | null = null;

/** Whether another page's frame holds this one. */
export const framed = (scope: { parent: unknown } = window): boolean => scope.parent !== scope;

export const paneToken = {
  /** Sign in by token from now on, and use the one that is kept, if there is one. */
  begin(partition: string | undefined): void {
    place = `${partition ?? ""}${KEPT}`;
    try {
      token = localStorage.getItem(place);
    } catch {
      token = null; // without storage it is asked for at each start
    }
  },
  get used(): boolean {
    return place !== null;
  },
  keep(given: string): void {
    token = given;
    try {
      if (place !== null) localStorage.setItem(place, given);
    } catch {
      // as above
    }
  },
  forget(): void {
    token = null;
    try {
      if (place !== null) localStorage.removeItem(place);
    } catch {
      // as above
    }
  },
  headers(given: string | null = token): Record<string, string> {
    return given === null ? {} : { Authorization: `Bearer ${given}` };
  },
  /** Subprotocols of a websocket, whose headers a page can't set. */
  protocols(): string[] {
    if (token === null) return [];
    const bytes = String.fromCharCode(...new TextEncoder().encode(token));
    const coded = btoa(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
    return [EVENTS_PROTOCOL, TOKEN_PROTOCOL + coded];
  },
};
