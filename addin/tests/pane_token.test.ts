import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { api, signIn } from "../src/api/client";
import { downloadWithToken, onFailedDownload } from "../src/api/downloads";
import { paneToken } from "../src/api/pane_token";

// The browser is the stand-in here: its fetch is what a service would see.
const asked: { address: string; authorization: string | null }[] = [];
let status = 200;
beforeEach(() => {
  asked.length = 0;
  status = 200;
  vi.stubGlobal("fetch", async (address: string, init?: RequestInit) => {
    asked.push({ address, authorization: new Headers(init?.headers).get("Authorization") });
    const body = status === 200 ? { conversations: [] } : { error: { code: "not-authenticated", message: "The access token is wrong." } };
    return new Response(JSON.stringify(body), { status });
  });
  paneToken.begin("key.");
});
afterEach(() => {
  paneToken.forget();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

it("keeps a token that the service took, and sends it with every request", async () => {
  await signIn("good");
  await api.conversations();

  expect(asked.map((each) => each.authorization)).toEqual(["Bearer good", "Bearer good"]);
  expect(asked.some((each) => each.address.includes("good"))).toBe(false);
  paneToken.begin("key.");
  expect(paneToken.headers()).toEqual({ Authorization: "Bearer good" });
  paneToken.begin("other.");
  expect(paneToken.headers()).toEqual({});
  paneToken.begin("key.");
});

it("keeps no token that the service refused", async () => {
  status = 401;

  await expect(signIn("wrong")).rejects.toMatchObject({ status: 401 });
  expect(localStorage.length).toBe(0);
});

function click(html: string): { stopped: boolean } {
  document.body.innerHTML = html;
  // Not dispatched: the browser would follow a link that is left alone.
  const event = new MouseEvent("click", { cancelable: true });
  Object.defineProperty(event, "target", { value: document.querySelector("b") });
  downloadWithToken(event);
  return { stopped: event.defaultPrevented };
}

it("fetches the service's own downloads, and leaves other links alone", async () => {
  paneToken.keep("good");
  const saved = new Promise((resolve) => {
    vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (this: HTMLAnchorElement) {
      resolve(`${this.download} ${this.protocol}`);
    });
  });

  expect(click(`<a download="r.xlsx" href="${location.origin}/api/v1/x"><b>Download</b></a>`).stopped).toBe(true);
  expect(click('<a download href="https://foreign.example/x"><b>x</b></a>').stopped).toBe(false);
  expect(click(`<a href="${location.origin}/x"><b>x</b></a>`).stopped).toBe(false);
  expect(asked).toEqual([{ address: `${location.origin}/api/v1/x`, authorization: "Bearer good" }]);
  expect(await saved).toBe("r.xlsx blob:");
});

it("says why a download failed", async () => {
  status = 401;
  const failed = new Promise((resolve) => onFailedDownload(resolve));
  click(`<a download href="${location.origin}/api/v1/x"><b>Download</b></a>`);

  expect(await failed).toMatchObject({ status: 401, message: "The access token is wrong." });
});
