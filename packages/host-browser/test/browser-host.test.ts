import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { messageOf } from "@softmax-bench/core";
import {
  BROWSER_KINDS,
  type Browser,
  BrowserHost,
  findBrowser,
  LaunchedBrowser,
  PageServer,
} from "@softmax-bench/host-browser";
import { type Connection, PROTOCOL_VERSION } from "@softmax-bench/measure";
import { describe, expect, it, onTestFinished, vi } from "vitest";

const PAGE = fileURLToPath(new URL("./support/page", import.meta.url));
const TIMEOUT_MS = 120_000;
const TASK = { method: "manual/shifted", dtype: "float32", rows: 2, classes: 3 } as const;
const RUN = { type: "run", ...TASK, inputs: "inputs", sets: 1 } as const;
const LOGITS = Float32Array.of(1, 2, 3, 4, 5, 6);

const found = await Promise.all(
  BROWSER_KINDS.map(async (kind) => {
    try {
      return { kind, browser: await findBrowser(kind) };
    } catch (error) {
      return { kind, problem: messageOf(error) };
    }
  }),
);

describe.each(found)("a page of $kind", ({ kind, browser, problem }) => {
  if (!browser) {
    const isRequired = process.env.CI !== undefined;
    it.runIf(isRequired)("is there", () => expect.fail(problem));
    it.skipIf(!isRequired)(`${kind} is unavailable: ${problem}`);
    return;
  }
  const there: Browser = browser;
  /** Of the code that all browsers share: one of them decides whether a change lands. */
  const options = kind === "chromium" ? {} : { tags: "nightly" };

  async function open(backend: string): Promise<{ host: BrowserHost; connection: Connection }> {
    const server = new PageServer(PAGE);
    onTestFinished(() => server.close());
    const host = new BrowserHost(kind, new LaunchedBrowser(there, server));
    host.holdInputs({ id: "inputs", make: () => [LOGITS, Int32Array.of(0, 1)] });
    const connection = host.connect();
    onTestFinished(() => connection.kill());
    const opened = await connection.request(
      { type: "open", protocol: PROTOCOL_VERSION, backend, threads: 1 },
      TIMEOUT_MS,
    );
    // Its device's name says whether the page is cross-origin isolated.
    expect(opened).toMatchObject({ kind: "answered", reply: { type: "opened", device: { name: "true" } } });
    return { host, connection };
  }

  it("gets arrays and gives arrays back", async () => {
    const { connection } = await open("echo");
    expect(await connection.request(RUN, TIMEOUT_MS)).toMatchObject({ reply: { type: "computed" } });
    const [loss, gradient] = [new Float32Array(1), new Float32Array(6)];
    connection.readResults([loss, gradient]);
    expect([...loss, ...gradient]).toEqual([2, ...LOGITS]);
  });

  const expectOneLost = async (backend: string, kindOfOutcome: string, reason: string) => {
    const { connection } = await open(backend);
    const outcome = await connection.request(RUN, backend === "hangs" ? 1000 : TIMEOUT_MS);
    expect(outcome).toMatchObject({ kind: kindOfOutcome, reason });
    expect(await connection.request(RUN, TIMEOUT_MS)).toMatchObject({ kind: "crashed" });
  };
  const claim = "that %s costs one request";
  it.each([
    ["nonsense", "crashed", 'invalid reply from the page: "\\u001b[2Jnonsense"'],
    ["hangs", "timeout", "no result after 1 s"],
  ])(claim, options, expectOneLost);
  it.each([
    ["fails", "crashed", "the page failed: no memory left"],
    ["closes", "crashed", "the page crashed, or was closed"],
  ])(claim, { tags: "nightly" }, expectOneLost);

  it("that sends fewer results than expected is found out", options, async () => {
    const { connection } = await open("short");
    await connection.request(RUN, TIMEOUT_MS);
    expect(() => connection.readResults([new Float32Array(7)])).toThrow(
      "expected results of 28 bytes, the page sent 3",
    );
  });

  it("leaves no profile behind once it is ended", options, async () => {
    // Of its own: tests of other packages start browsers, too.
    const folder = mkdtempSync(join(tmpdir(), "browser-host-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    vi.stubEnv("TMPDIR", folder);
    onTestFinished(() => void vi.unstubAllEnvs());
    const { connection } = await open("hangs");
    expect(readdirSync(folder)).toEqual([expect.stringMatching(`^softmax-bench-${kind}-`)]);
    connection.kill();
    await expect.poll(() => readdirSync(folder)).toEqual([]);
  });
});

describe("a browser that is not there", () => {
  it("is reported with what would help", async () => {
    await expect(findBrowser("chromium", "/nowhere/chromium")).rejects.toThrow(
      "/nowhere/chromium does not print the version of Chromium: spawn /nowhere/chromium ENOENT",
    );
  });

  it("is not any program", async () => {
    await expect(findBrowser("firefox", process.execPath)).rejects.toThrow(
      `expected ${process.execPath} --version to print that of Firefox, got "v`,
    );
  });
});

describe("the server of the page", () => {
  const request = async (path: string, init?: RequestInit): Promise<number> => {
    const server = new PageServer(PAGE);
    onTestFinished(() => server.close());
    const { address } = await server.admit({
      listen: (response) => response.end(),
      served: () => {},
      seen: () => {},
      reply: () => {},
      fail: () => {},
      inputs: (from, bytes) => (from + bytes <= 4 ? new Uint8Array(bytes) : undefined),
      results: () => {},
    });
    return (await fetch(path.startsWith("/") ? new URL(path, address) : address + path, init)).status;
  };

  it.each([
    ["the page", "", 200],
    ["a file of the page", "page.js", 200],
    ["a part of the inputs", "inputs?from=0&bytes=4", 200],
    ["more than the inputs", "inputs?from=0&bytes=5", 416],
    ["a negative part", "inputs?from=-4&bytes=4", 416],
    ["a part that is no number", "inputs?from=x&bytes=4", 416],
    ["requests", "requests?after=0", 200],
    ["requests after none", "requests", 400],
    ["requests after what is no number", "requests?after=1e999", 400],
    ["a file outside", "..%2f..%2fpackage.json", 404],
    ["another token", "/0123456789abcdef0123456789abcdef/", 404],
    ["no token", "/", 404],
  ])("answers a request for %s", async (_, path, status) => {
    expect(await request(path)).toBe(status);
  });

  it("takes nothing but replies, failures and results", async () => {
    expect(await request("index.html", { method: "POST", body: "x" })).toBe(404);
    expect(await request("results", { method: "PUT", body: "x" })).toBe(405);
    for (const path of ["replies", "replies?to=", "replies?to=-1", "results?to=0x1", "results?to=NaN"]) {
      expect(await request(path, { method: "POST", body: "x" }), path).toBe(400);
    }
  });
});
