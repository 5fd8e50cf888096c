import { createServer, request as forward, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { messageOf } from "@softmax-bench/core";
import {
  BROWSER_KINDS,
  type Browser,
  type BrowserKind,
  findBrowser,
  launch,
} from "@softmax-bench/host-browser";
import { expect, it, onTestFinished } from "vitest";
import { asProgramPage } from "../../../../packages/host-browser/test/support/program-page.js";

/**
 * Drives the form that measures a visitor's browser, as a user would. The browser opens the page through a proxy, which
 * adds a script to it. No protocol of automation is involved: that of Firefox sometimes stops modules from loading.
 */

export interface FoundBrowser {
  readonly kind: BrowserKind;
  readonly browser?: Browser;
  readonly problem?: string;
}

/** The browsers of this machine, and why others are missing. */
export const browsers: readonly FoundBrowser[] = await Promise.all(
  BROWSER_KINDS.map(async (kind) => {
    try {
      return { kind, browser: await findBrowser(kind) };
    } catch (error) {
      return { kind, problem: messageOf(error) };
    }
  }),
);

/** A test of a browser that is missing: it fails where browsers are required, and is skipped with the reason elsewhere. */
export function reportMissing({ kind, problem }: FoundBrowser): void {
  const isRequired = process.env.CI !== undefined;
  it.runIf(isRequired)("is there", () => expect.fail(problem));
  it.skipIf(!isRequired)(`${kind} is unavailable: ${problem}`);
}

/** The text of the page when it has ended. */
export interface Shown {
  readonly said: string;
  /** The name and the content of the file that it offers. */
  readonly file?: { readonly name: string; readonly content: string };
  readonly isIsolated: boolean;
}

/** The path that the script reports to. */
const SHOWN = "/shown-in-the-end";

/** Runs in the page: chooses backends, measures, and reports what is shown. */
async function drive(backends: readonly string[]): Promise<void> {
  const wait = async <T>(find: () => T | null | undefined | false): Promise<T> => {
    for (;;) {
      const found = find();
      if (found) return found;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  const form = await wait(() => document.querySelector("form"));
  for (const box of form.querySelectorAll<HTMLInputElement>("input[name=backend]")) {
    box.checked = backends.includes(box.value);
  }
  (form.querySelector("input[name=name]") as HTMLInputElement).value = "a test";
  form.requestSubmit();
  const status = document.querySelector("#status") as HTMLElement;
  const said = await wait(() => /^(?:Done|No result)/.test(status.textContent ?? "") && status.textContent);
  const link = status.querySelector<HTMLAnchorElement>("a[download]");
  const file = link && { name: link.download, content: await (await fetch(link.href)).text() };
  const shown = { said, isIsolated: crossOriginIsolated, ...(file ? { file } : {}) };
  (globalThis as unknown as { report: (text: string) => void }).report(JSON.stringify(shown));
}

/**
 * Opens a page in a browser of its own, and measures some backends by its form.
 *
 * @param cutMs the interval at which all connections are cut; by default they are not
 */
export async function measureBy(
  browser: Browser,
  page: string,
  backends: readonly string[],
  cutMs?: number,
): Promise<Shown> {
  const { origin, pathname } = new URL(page);
  const addScript = (html: string) =>
    asProgramPage(`${html}<script>(${drive})(${JSON.stringify(backends)})</script>`, SHOWN);
  let child: ReturnType<typeof launch> | undefined;
  try {
    return await new Promise((resolve, reject) => {
      const proxy = createServer((request, response) => {
        if (request.url === SHOWN) text(request).then((shown) => resolve(JSON.parse(shown)), reject);
        else {
          const isForm = new URL(request.url ?? "/", origin).pathname === pathname;
          pass(request, response, origin, isForm ? addScript : undefined);
        }
      });
      const cutting = cutMs === undefined ? undefined : setInterval(() => proxy.closeAllConnections(), cutMs);
      onTestFinished(() => {
        clearInterval(cutting);
        proxy.closeAllConnections();
        proxy.close();
      });
      proxy.listen(0, "127.0.0.1", () => {
        child = launch(browser, `http://127.0.0.1:${(proxy.address() as AddressInfo).port}${pathname}`);
      });
    });
  } finally {
    child?.kill("SIGTERM");
  }
}

/** Passes a request on, and may change a page that is the answer. */
function pass(
  request: IncomingMessage,
  response: ServerResponse,
  origin: string,
  change: ((html: string) => string) | undefined,
): void {
  const { method, url = "/", headers } = request;
  const passed = forward(new URL(url, origin), {
    method,
    headers: { ...headers, host: new URL(origin).host },
  });
  passed.on("error", () => response.destroy());
  response.on("close", () => passed.destroy());
  passed.on("response", (answer) => {
    const isPage = change !== undefined && answer.headers["content-type"]?.startsWith("text/html") === true;
    const { "content-length": _, ...others } = answer.headers;
    response.writeHead(answer.statusCode ?? 500, isPage ? others : answer.headers);
    response.flushHeaders();
    if (!isPage) return void answer.pipe(response);
    text(answer).then(
      (html) => response.end(change(html)),
      () => response.destroy(),
    );
  });
  request.pipe(passed);
}
