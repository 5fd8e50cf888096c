import { request } from "node:http";
import { fileURLToPath } from "node:url";
import { BrowserHost, PageServer } from "@softmax-bench/host-browser";
import type { Connection, Request } from "@softmax-bench/measure";
import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest";
import type { OpenPageOptions, PageOpener } from "../src/page-opener.js";
import type { PagePeer } from "../src/pages.js";

/** Connections with pages, played by this process, whose network fails at each point. */

const PAGE = fileURLToPath(new URL("./support/page", import.meta.url));
const TIMEOUT_MS = 60_000;
const OPEN: Request = { type: "open", protocol: 4, backend: "played", threads: 1 };
const RUN: Request = {
  type: "run",
  method: "manual/shifted",
  dtype: "float32",
  rows: 1,
  classes: 2,
  inputs: "inputs",
  sets: 1,
};
const OPENED = JSON.stringify({
  type: "opened",
  protocol: 4,
  engine: { name: "page", version: "1", code: "javascript" },
  device: { kind: "cpu", name: "none" },
  threads: 1,
  dtypes: ["float32"],
  coldStartNs: 1,
});
const FAILED = JSON.stringify({ type: "failed", reason: "as the test wants it" });

/** Reads a page's stream of requests: each event is its number, a space and the request. */
class Requests {
  readonly #abort = new AbortController();
  readonly #events: AsyncIterator<string>;

  constructor(address: string, header: Readonly<Record<string, string>> = {}) {
    this.#events = readEvents(fetch(address, { headers: header, signal: this.#abort.signal }));
  }

  async next(): Promise<string> {
    return String((await this.#events.next()).value);
  }

  /** Cuts the connection. */
  cut(): void {
    this.#abort.abort();
  }
}

async function* readEvents(response: Promise<Response>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of (await response).body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const events = (rest + text).split("\n\n");
    rest = events.pop() ?? "";
    for (const event of events) {
      const [, number, data = ""] = /^id: (\d+)\ndata: (.*)$/.exec(event) ?? [];
      if (number !== undefined) yield `${number} ${JSON.parse(data).type}`;
    }
  }
}

interface Played {
  readonly connection: Connection;
  readonly listen: (after: number, header?: Readonly<Record<string, string>>) => Requests;
  readonly post: (path: string, body: BodyInit) => Promise<number>;
  readonly address: string;
}

/** A connection whose page this process plays. */
async function play(): Promise<Played> {
  const server = new PageServer(PAGE);
  onTestFinished(() => server.close());
  let opened: (address: string) => void = () => {};
  const admitted = new Promise<string>((resolve) => {
    opened = resolve;
  });
  const opener: PageOpener = {
    name: "a played browser",
    async open(peer) {
      opened((await server.admit(peer)).address);
    },
  };
  const connection = new BrowserHost("played", opener).connect();
  onTestFinished(() => connection.kill());
  const address = await admitted;
  return {
    connection,
    address,
    listen(after, header) {
      const requests = new Requests(`${address}requests?after=${after}`, header);
      onTestFinished(() => requests.cut());
      return requests;
    },
    post: async (path, body) => (await fetch(address + path, { method: "POST", body })).status,
  };
}

/** A page that has opened its backend, and listens. */
async function playOpened(): Promise<Played & { readonly requests: Requests }> {
  const played = await play();
  const outcome = played.connection.request(OPEN, TIMEOUT_MS);
  const requests = played.listen(0);
  expect(await requests.next()).toBe("1 open");
  await played.post("replies?to=1", OPENED);
  expect(await outcome).toMatchObject({ kind: "answered", reply: { type: "opened" } });
  return { ...played, requests };
}

describe("a reply", () => {
  it("that arrives again counts once, also while the next request is computed", async () => {
    const { connection, requests, post } = await playOpened();
    expect(await post("replies?to=1", OPENED)).toBe(204);
    const outcome = connection.request(RUN, TIMEOUT_MS);
    expect(await requests.next()).toBe("2 run");
    expect(await post("replies?to=1", OPENED)).toBe(204);
    expect(await post("replies?to=2", FAILED)).toBe(204);
    expect(await outcome).toMatchObject({ kind: "answered", reply: { type: "failed" } });
  });

  it.each([2, 999_999_999_999_999])("to request %i, which was not sent, ends the page", async (number) => {
    const { connection, post } = await playOpened();
    await post(`replies?to=${number}`, OPENED);
    const reason = `the page replied to request ${number} of 1`;
    expect(await connection.request(RUN, TIMEOUT_MS)).toMatchObject({ kind: "crashed", reason });
  });

  it("that is cut off counts for nothing, and is taken when it is sent again", async () => {
    const { connection, requests, post, address } = await playOpened();
    const outcome = connection.request(RUN, TIMEOUT_MS);
    await requests.next();
    const cut = request(`${address}replies?to=2`, { method: "POST", headers: { "content-length": 1000 } });
    cut.on("error", () => {});
    cut.write(FAILED);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await new Promise((resolve) => cut.on("close", resolve).destroy());
    await post("replies?to=2", FAILED);
    expect(await outcome).toMatchObject({ kind: "answered" });
  });
});

describe("results", () => {
  it("count if they are those of the last request", async () => {
    const { connection, requests, post } = await playOpened();
    const outcome = connection.request(RUN, TIMEOUT_MS);
    await requests.next();
    const send = (to: number, value: number) => post(`results?to=${to}`, Float32Array.of(value));
    await send(2, 7);
    await send(2, 7);
    await send(1, 5);
    await send(3, 6);
    await post("replies?to=2", FAILED);
    await outcome;
    await send(2, 8);
    const into = new Float32Array(1);
    connection.readResults([into]);
    expect([...into]).toEqual([7]);
  });
});

describe("a stream of requests that is cut", () => {
  it("before a request has arrived is continued with it", async () => {
    const { connection, requests, listen } = await playOpened();
    requests.cut();
    const outcome = connection.request(RUN, TIMEOUT_MS);
    expect(await listen(1).next()).toBe("2 run");
    // The browser says by a header what it has received.
    expect(await listen(0, { "last-event-id": "1" }).next()).toBe("2 run");
    connection.kill();
    expect(await outcome).toMatchObject({ kind: "crashed", reason: "the browser was ended" });
  });

  it("while a request is computed is continued without it", async () => {
    const { connection, requests, listen, post } = await playOpened();
    const first = connection.request(RUN, TIMEOUT_MS);
    expect(await requests.next()).toBe("2 run");
    requests.cut();
    const again = listen(2);
    await post("replies?to=2", FAILED);
    expect(await first).toMatchObject({ kind: "answered" });
    const second = connection.request(RUN, TIMEOUT_MS);
    expect(await again.next()).toBe("3 run");
    await post("replies?to=3", FAILED);
    expect(await second).toMatchObject({ kind: "answered" });
  });

  it("is the end of a page that does not come back, within seconds", async () => {
    const { connection, requests } = await playOpened();
    const outcome = connection.request(RUN, TIMEOUT_MS);
    await requests.next();
    const cutAt = performance.now();
    requests.cut();
    expect(await outcome).toMatchObject({ kind: "crashed", reason: "the page crashed, or was closed" });
    expect(performance.now() - cutAt).toBeGreaterThan(1500);
  });

  it.each([
    ["has lost its backend", 0, "the page was loaded again, and has lost its state"],
    ["claims a request that was not sent", 5, "the page received request 5 of 2"],
  ])("is the end of a page that comes back and %s", async (_, after, reason) => {
    const { connection, listen } = await playOpened();
    const outcome = connection.request(RUN, TIMEOUT_MS);
    listen(after)
      .next()
      .catch(() => {});
    expect(await outcome).toMatchObject({ kind: "crashed", reason });
  });
});

describe("a page that does not begin to listen", () => {
  afterEach(() => void vi.useRealTimers());

  const countOpened = (isSlow: boolean) => {
    vi.useFakeTimers();
    const opened: { readonly peer: PagePeer; readonly options: OpenPageOptions }[] = [];
    const opener: PageOpener = {
      name: "a browser",
      isSlow,
      open: async (peer, options) => void opened.push({ peer, options }),
    };
    const connection = new BrowserHost("browser", opener).connect();
    onTestFinished(() => connection.kill());
    return { opened, connection };
  };

  it("is opened again ten seconds after its last sign", async () => {
    const { opened, connection } = countOpened(true);
    const outcome = connection.request(OPEN, TIMEOUT_MS);
    vi.advanceTimersByTime(30_000);
    // The browser may be starting.
    expect(opened).toHaveLength(1);
    opened[0]?.peer.seen();
    vi.advanceTimersByTime(9000);
    opened[0]?.peer.seen();
    vi.advanceTimersByTime(9000);
    expect(opened).toHaveLength(1);
    vi.advanceTimersByTime(1000);
    expect(opened).toHaveLength(2);
    expect(opened.map(({ options }) => options.signal.aborted)).toEqual([true, false]);
    // The end of the first browser.
    opened[0]?.options.lose("exited", "the first browser was killed");
    opened[1]?.options.lose("exited", "the second browser was killed");
    expect(await outcome).toMatchObject({ kind: "crashed", reason: "the second browser was killed" });
  });

  it("is opened again where the browser is there already", () => {
    const { opened } = countOpened(false);
    vi.advanceTimersByTime(10_000);
    expect(opened).toHaveLength(2);
  });
});
