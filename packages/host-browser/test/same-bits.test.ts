import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { BROWSER_KINDS, type BrowserKind, findBrowser, PageServer } from "@softmax-bench/host-browser";
import { CURRENT_RUNTIME, findRuntime, RUNTIMES, type Runtime } from "@softmax-bench/host-node";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { launch } from "../src/launch.js";
import { asProgramPage } from "./support/program-page.js";

/** Losses and gradients of the SIMD kernel, as digests by method, dtype and number of threads. */
type Digests = Readonly<Record<string, string>>;

const PROGRAM = fileURLToPath(new URL("./support/same-bits", import.meta.url));
const TIMEOUT_MS = 120_000;

async function digestsOfProcess(runtime: Runtime, threads: readonly number[]): Promise<Digests> {
  const { flags, environment } = RUNTIMES[runtime.kind];
  const args = [...flags, join(PROGRAM, "process.mjs"), ...threads.map(String)];
  const env = { ...process.env, ...environment };
  const { stdout } = await promisify(execFile)(runtime.executable, args, { env, timeout: TIMEOUT_MS });
  return JSON.parse(stdout);
}

async function digestsOfPage(kind: BrowserKind, pages: string, threads: readonly number[]): Promise<Digests> {
  const outDir = join(pages, threads.join("-"));
  await build({
    root: PROGRAM,
    base: "./",
    logLevel: "silent",
    define: { __THREADS__: JSON.stringify(threads) },
    plugins: [{ name: "program-page", transformIndexHtml: (html) => asProgramPage(html, "replies?to=1") }],
    worker: { format: "es" },
    build: { outDir, target: "es2024", assetsInlineLimit: 0 },
  });
  const server = new PageServer(outDir);
  onTestFinished(() => server.close());
  const browser = await findBrowser(kind);
  return new Promise((resolve, reject) => {
    const unused = () => reject(new Error("expected a reply, got another request"));
    const peer = {
      reply: (line: string) => resolve(JSON.parse(line)),
      fail: (message: string) => reject(new Error(message)),
      seen: () => {},
      served: () => {},
      listen: unused,
      results: unused,
      inputs: () => undefined,
    };
    server.admit(peer).then(({ address }) => {
      const child = launch(browser, address);
      child.stdout?.resume();
      child.stderr?.resume();
      onTestFinished(() => {
        child.kill("SIGTERM");
      });
    }, reject);
  });
}

describe("the SIMD kernel without relaxed SIMD has the same bits", () => {
  let pages = "";
  beforeAll(() => {
    pages = mkdtempSync(join(tmpdir(), "same-bits-"));
  });
  afterAll(() => rmSync(pages, { recursive: true }));

  /** Every number of threads gives the same digest, so that four remain: one of each method and dtype. */
  const expectSame = (found: Readonly<Record<string, Digests>>) => {
    for (const kind of ["shifted float32", "shifted float64", "two-pass float32", "two-pass float64"]) {
      const entries = Object.entries(found).flatMap(([host, digests]) =>
        Object.entries(digests).flatMap(([key, digest]) =>
          key.startsWith(kind) ? [`${host} ${digest}`] : [],
        ),
      );
      const digests = new Set(entries.map((entry) => entry.slice(-64)));
      expect(digests.size, [...new Set(entries)].join("\n")).toBe(1);
    }
  };

  it("on one and on two threads, here and in Chromium", async () => {
    expectSame({
      node: await digestsOfProcess(CURRENT_RUNTIME, [1, 2]),
      chromium: await digestsOfPage("chromium", pages, [1, 2]),
    });
  });

  it("on one to eight threads, in three versions of Node, in Bun, Deno and both browsers", {
    tags: "nightly",
  }, async () => {
    const threads = [1, 2, 3, 4, 5, 6, 7, 8];
    const found: Record<string, Digests> = {};
    const options = { progress: () => {}, signal: new AbortController().signal };
    for (const [kind, version] of [
      ["node", "20"],
      ["node", "22"],
      ["node", "24"],
      ["bun", undefined],
      ["deno", undefined],
    ] as const) {
      const runtime = await findRuntime({ kind, version }, options);
      found[`${kind} ${runtime.version}`] = await digestsOfProcess(runtime, threads);
    }
    for (const kind of BROWSER_KINDS) {
      const { version } = await findBrowser(kind);
      found[`${kind} ${version}`] = await digestsOfPage(kind, pages, threads);
    }
    process.stdout.write(`${JSON.stringify(found, undefined, 2)}\n`);
    expectSame(found);
  });
});
