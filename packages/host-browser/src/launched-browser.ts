import { BROWSERS, type Browser } from "./browsers.js";
import { launch } from "./launch.js";
import type { OpenPageOptions, PageOpener } from "./page-opener.js";
import type { PageServer } from "./page-server.js";
import type { PagePeer } from "./pages.js";

/** The length of the browser's last output that is kept, in characters. */
const KEPT_OUTPUT = 600;

/** A browser of this machine: each page is in a process, and with a profile, of its own. */
export class LaunchedBrowser implements PageOpener {
  readonly name: string;
  readonly isSlow = true;
  readonly #browser: Browser;
  readonly #server: PageServer;

  constructor(browser: Browser, server: PageServer) {
    this.name = BROWSERS[browser.kind].name;
    this.#browser = browser;
    this.#server = server;
  }

  async open(peer: PagePeer, { signal, lose }: OpenPageOptions): Promise<void> {
    const { address, forget } = await this.#server.admit(peer);
    if (signal.aborted) return forget();
    const child = launch(this.#browser, address);
    signal.addEventListener("abort", () => {
      forget();
      child.kill("SIGTERM");
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        output = (output + text).slice(-4 * KEPT_OUTPUT);
      });
    }
    child.on("error", (error) => lose("not started", `${this.name} does not start: ${error.message}`));
    child.on("exit", (code, killedBy) => {
      const how = killedBy ? `was killed by ${killedBy}` : `ended with code ${code}`;
      const last = output.replaceAll(/\s+/g, " ").trim().slice(-KEPT_OUTPUT);
      lose("exited", `${this.name} ${how}${last ? `; it last printed: ${last}` : ""}`);
    });
  }
}
