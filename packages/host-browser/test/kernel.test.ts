import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { basename, dirname, extname, join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { type BrowserKind, findBrowser, launch } from "@softmax-bench/host-browser";
import { build as esbuild } from "esbuild";
import { rollup } from "rollup";
import { build as vite } from "vite";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import webpack from "webpack";
import { asProgramPage } from "./support/program-page.js";

/**
 * One import of the kernel works in pages and in web workers, by every common bundler and by none, with threads and without. Vite's own
 * workers are in `same-bits.test.ts`.
 */

const SUPPORT = fileURLToPath(new URL("./support/kernel", import.meta.url));
const MAIN = join(SUPPORT, "main.mjs");
const LIBRARY = fileURLToPath(import.meta.resolve("@softmax-bench/wasm-simd"));

/** The ways to a program `main.js` in a folder, each as its users write it. */
const BUNDLERS: Readonly<Record<string, (folder: string) => Promise<unknown>>> = {
  async none(folder) {
    const library = dirname(LIBRARY);
    mkdirSync(join(folder, "kernel"));
    for (const name of readdirSync(library).filter((file) => file.endsWith(".js"))) {
      copyFileSync(join(library, name), join(folder, "kernel", name));
    }
    const program = readFileSync(MAIN, "utf8").replace("@softmax-bench/wasm-simd", "./kernel/index.js");
    writeFileSync(join(folder, "main.js"), program);
  },
  vite: (folder) =>
    vite({
      root: SUPPORT,
      base: "./",
      logLevel: "silent",
      build: {
        outDir: folder,
        emptyOutDir: false,
        target: "es2022",
        rolldownOptions: { input: MAIN, output: { entryFileNames: "main.js" } },
      },
    }),
  esbuild: (folder) =>
    esbuild({
      entryPoints: { main: MAIN },
      bundle: true,
      minify: true,
      format: "esm",
      splitting: true,
      outdir: folder,
      logLevel: "silent",
    }),
  async rollup(folder) {
    const bundle = await rollup({
      input: MAIN,
      // In place of @rollup/plugin-node-resolve.
      plugins: [{ name: "resolve", resolveId: (id) => (id === "@softmax-bench/wasm-simd" ? LIBRARY : null) }],
    });
    await bundle.write({ dir: folder, entryFileNames: "main.js" });
    await bundle.close();
  },
  async webpack(folder) {
    const compiler = webpack({
      mode: "production",
      entry: MAIN,
      target: ["web", "es2022"],
      experiments: { outputModule: true },
      output: {
        path: folder,
        filename: "main.js",
        module: true,
        chunkFormat: "module",
        chunkLoading: "import",
      },
    });
    const stats = await promisify(compiler.run.bind(compiler))();
    expect(stats?.toString({ all: false, errors: true })).toBe("");
    await promisify(compiler.close.bind(compiler))();
  },
};

const PLACES = ["page", "worker"];
const PROGRAMS = Object.keys(BUNDLERS).flatMap((bundler) => PLACES.map((place) => `${bundler}/${place}`));

/** The name of a bundler: the first part of each path. */
const bundlerOf = (path: string): string => path.split("/", 1)[0] ?? "";

type Headers = Readonly<Record<string, string>>;

/** Without these headers there is no SharedArrayBuffer. */
const ISOLATION: Headers = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};
/** Allows WebAssembly, but no program that is not in a file. */
const STRICT: Headers = {
  ...ISOLATION,
  "content-security-policy": "default-src 'self' 'unsafe-inline' 'wasm-unsafe-eval'",
};
const TYPES: Readonly<Record<string, string>> = { ".html": "text/html", ".js": "text/javascript" };

/** Opens all programs in frames of one page in a browser. @returns the report of each */
async function open(kind: BrowserKind, folder: string, sent: Headers): Promise<Map<string, unknown>> {
  const reports = new Map<string, unknown>();
  /** The last path below each bundler's folder that was requested. */
  const requested = new Map<string, string>();
  // A browser shows a document of its own, which a page cannot read, in the place of one that did not load.
  const frames = PROGRAMS.map(
    (program) =>
      `<iframe src="./${program}.html" onload="this.contentDocument ?? (this.src += '')"></iframe>`,
  ).join("\n");
  const server = createServer(async (request, response) => {
    const path = new URL(request.url ?? "/", "http://127.0.0.1").pathname.slice(1);
    const headers = { "content-type": TYPES[extname(path)] ?? "text/html", ...sent };
    requested.set(bundlerOf(path), path);
    if (request.method === "POST") {
      reports.set(path, JSON.parse(await text(request)));
      response.end();
    } else if (path === "") response.writeHead(200, headers).end(`<!doctype html>\n${frames}`);
    else if (!(extname(path) in TYPES)) response.writeHead(404).end();
    else if (extname(path) === ".html") {
      const page = readFileSync(join(folder, path), "utf8");
      response.writeHead(200, headers).end(asProgramPage(page, `./${basename(path, ".html")}`));
    } else response.writeHead(200, headers).end(readFileSync(join(folder, path)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const child = launch(
    await findBrowser(kind),
    `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
  );
  child.stdout?.resume();
  child.stderr?.resume();
  onTestFinished(() => {
    child.kill("SIGTERM");
    server.closeAllConnections();
    server.close();
  });
  const missing = () => PROGRAMS.filter((program) => !reports.has(program));
  const lastOf = (program: string) =>
    `${program}, next to which ${requested.get(bundlerOf(program))} was requested last`;
  await expect.poll(() => missing().map(lastOf), { message: "programs without a report" }).toEqual([]);
  return reports;
}

describe("one import of the kernel", () => {
  let folder = "";
  let expected: unknown;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "kernel-"));
    for (const [bundler, bundle] of Object.entries(BUNDLERS)) {
      const own = join(folder, bundler);
      mkdirSync(own);
      await bundle(own);
      for (const place of PLACES) copyFileSync(join(SUPPORT, `${place}.html`), join(own, `${place}.html`));
    }
    const { SoftmaxKernel } = await import("@softmax-bench/wasm-simd");
    await using kernel = await SoftmaxKernel.start({ instructions: "simd" });
    // The shapes and numbers of the program.
    expected = [
      [64, 2000],
      [1, 70_000],
    ].map(([rows = 0, classes = 0]) => {
      const logits = Float32Array.from(
        { length: rows * classes },
        (_, i) => (((i * 0.6180339887) % 1) - 0.5) * 8,
      );
      const labels = Int32Array.from({ length: rows }, (_, row) => row * 7);
      const { loss, gradient } = kernel.softmaxCrossEntropy(logits, labels);
      return [loss, gradient.reduce((sum, value) => sum + Math.abs(value), 0)];
    });
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const expectResults = (reports: Map<string, unknown>, threads: number) => {
    for (const program of PROGRAMS) {
      expect(reports.get(program), program).toMatchObject({
        simd: { threads, results: expected },
        fastest: { threads, results: [expect.anything(), expect.anything()] },
      });
    }
  };

  const WAYS = [
    ["with two threads where pages are isolated", ISOLATION, 2],
    ["with one thread where they are not", {}, 1],
  ] as const;

  it.each(WAYS)("computes %s, in Chromium", async (_, headers, threads) => {
    expectResults(await open("chromium", folder, headers), threads);
  });

  it.each(WAYS)("computes %s, in Firefox", { tags: "nightly" }, async (_, headers, threads) => {
    expectResults(await open("firefox", folder, headers), threads);
  });

  it("says what a Content-Security-Policy lacks", async () => {
    for (const [program, report] of await open("chromium", folder, STRICT)) {
      const error = expect.stringMatching(/worker-src blob:|Content Security Policy/);
      expect(report, program).toEqual({ error });
    }
  });

  it.each(Object.keys(BUNDLERS))("has a page download at most 25 kB: %s", (bundler) => {
    const own = join(folder, bundler);
    const scripts = readdirSync(own, { recursive: true, encoding: "utf8" }).filter(
      // The TensorFlow.js entry is none that the program asks for.
      (name) => name.endsWith(".js") && !name.endsWith("tfjs.js"),
    );
    const sizes = scripts.map((name) => gzipSync(readFileSync(join(own, name)), { level: 9 }).length);
    const [, secondBuild = 0] = sizes.toSorted((a, b) => b - a);
    // A page loads one of the two builds, which are the largest files. The program itself is less than a kilobyte.
    expect(sizes.reduce((sum, size) => sum + size, 0) - secondBuild).toBeLessThanOrEqual(25_000 + 1000);
  });
});
