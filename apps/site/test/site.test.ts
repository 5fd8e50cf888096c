import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseResults } from "@softmax-bench/core/results";
import axe from "axe-core";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { openPage } from "../../../packages/host-browser/test/support/open-page.js";
import { expectMeasured } from "../../page/test/support/judge.js";
import { browsers, measureBy, reportMissing } from "../../page/test/support/visitor.js";

const DIST = fileURLToPath(new URL("../dist", import.meta.url));
const MAIN = fileURLToPath(new URL("../../runner/dist/main.js", import.meta.url));

const TYPES: Readonly<Record<string, string>> = {
  ".css": "text/css",
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

/** Serves the site below a path, as any server of static files does: no header of ours. @returns its address */
async function serveSite(path: string): Promise<string> {
  const files = new Set(readdirSync(DIST, { recursive: true, encoding: "utf8" }));
  const server = createServer(({ url = "" }, response) => {
    const { pathname } = new URL(url, "http://127.0.0.1");
    const name = pathname.slice(path.length) || "index.html";
    if (!pathname.startsWith(path) || !files.has(name)) return response.writeHead(404).end();
    response.writeHead(200, { "content-type": TYPES[extname(name)] ?? "application/octet-stream" });
    return response.end(readFileSync(join(DIST, name)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "softmax-bench-site-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

const COPY = fileURLToPath(new URL("../bin/copy-site.js", import.meta.url));

const command = (...args: string[]) => spawnSync(process.execPath, [MAIN, ...args], { encoding: "utf8" });

describe.each(browsers)("the site under any path, in $kind", (found) => {
  const { kind, browser } = found;
  if (!browser) return reportMissing(found);

  const expectFile = async (backends: readonly string[]) => {
    const address = await serveSite("/some/path/");
    const { said, file, isIsolated } = await measureBy(browser, address, backends, 1500);
    expect(said).toMatch(/^Done: \d+ of \d+ cells have a gradient/);
    expect(isIsolated).toBe(true);
    expect(file?.name).toBe("results.json");
    const results = parseResults(file?.content ?? "");
    expectMeasured(results, kind, backends);
    expect(results.environment.node).toBe("none");

    const folder = temporaryFolder();
    const run = join(folder, results.run.id);
    mkdirSync(run);
    const path = join(run, "results.json");
    writeFileSync(path, file?.content ?? "");
    for (const args of [
      ["report", path, "--html", join(folder, "report.html")],
      ["compare", path, path],
      ["merge", run, "--out", join(folder, "merged")],
    ]) {
      const { status, stderr } = command(...args);
      expect({ args, status, stderr }).toMatchObject({ status: 0 });
    }
  };
  const claim = "measures %j in the browser by itself, and gives a file that the commands take";
  if (kind === "chromium") it.each([[["wasm-simd"]]])(claim, expectFile);
  it.each([[["wasm-simd", "tfjs-cpu"]]])(claim, { tags: "nightly" }, expectFile);
});

describe("the site as it is built", () => {
  const scripts = readdirSync(DIST, { recursive: true, encoding: "utf8" }).filter((file) =>
    file.endsWith(".js"),
  );

  it("imports no module of Node", () => {
    const imports = scripts.flatMap((file) =>
      [
        ...readFileSync(join(DIST, file), "utf8").matchAll(
          /\b(?:from|import)\s*\(?\s*["'](node:[^"']+)["']/g,
        ),
      ].map(([, name]) => `${file}: ${name}`),
    );
    expect(scripts.length).toBeGreaterThan(10);
    expect(imports).toEqual([]);
  });

  it("addresses everything relative to itself", () => {
    expect(readFileSync(join(DIST, "index.html"), "utf8")).not.toMatch(/(?:src|href)="\//);
  });
});

describe("pnpm build:site", () => {
  const copy = (...args: string[]) => spawnSync(process.execPath, [COPY, ...args], { encoding: "utf8" });

  it("writes one folder, and replaces only its own", () => {
    const out = join(temporaryFolder(), "site");
    expect(copy("--out", out)).toMatchObject({ status: 0, stderr: "" });
    writeFileSync(join(out, "CNAME"), "example.org");
    writeFileSync(join(out, "assets", "old.js"), "");
    expect(copy("--out", out)).toMatchObject({ status: 0, stderr: "" });
    const files = (folder: string) => readdirSync(folder, { recursive: true }).sort();
    expect(files(out)).toEqual([...files(DIST), "CNAME"].sort());
  });

  it.each([
    ["no folder", () => [], /expected --out <folder>, got none/],
    ["a folder of something else", (other: string) => ["--out", other], /holds something else than a site/],
    ["a file", (other: string) => ["--out", join(other, "thesis.tex")], /expected a folder/],
    ["another option", () => ["--to", "site"], /Unknown option '--to'/],
  ])("refuses %s in one line", (_, argsFor, problem) => {
    const other = temporaryFolder();
    writeFileSync(join(other, "thesis.tex"), "");
    const { status, stderr } = copy(...argsFor(other));
    expect({ status, stderr }).toMatchObject({ status: 2, stderr: expect.stringMatching(problem) });
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(readdirSync(other)).toEqual(["thesis.tex"]);
  });
});

describe("the page of the site", () => {
  const found = browsers.find(({ kind }) => kind === "chromium");
  if (!found?.browser) return reportMissing(found ?? { kind: "chromium", problem: "it was not looked for" });
  const { executable } = found.browser;
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: executable, args: ["--no-sandbox"] });
  });
  afterAll(() => browser.close());

  /** Opens the page as a visitor who was never here. */
  async function openSite(prepare: (page: Page) => unknown = () => {}): Promise<Page> {
    const viewport = { width: 375, height: 700 };
    const context = await browser.newContext({ viewport, colorScheme: "light" });
    onTestFinished(() => context.close());
    // A test has a time limit of its own.
    context.setDefaultTimeout(0);
    const page = await context.newPage();
    await prepare(page);
    await openPage(page, await serveSite("/"), "form");
    return page;
  }

  it("fits a phone, in light and in dark", async () => {
    const page = await openSite();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(375);
    const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await background();
    await page.emulateMedia({ colorScheme: "dark" });
    expect(await background()).not.toBe(light);
  });

  it("has no violation that axe finds, on a phone and beside it, in light and in dark", async () => {
    const page = await openSite();
    await page.evaluate(axe.source);
    const violations = () =>
      page.evaluate(async () => {
        const { axe: checker } = globalThis as unknown as { axe: typeof axe };
        const found = await checker.run();
        return found.violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html.slice(0, 200)}`);
      });
    for (const width of [375, 1280]) {
      for (const colorScheme of ["light", "dark"] as const) {
        await page.setViewportSize({ width, height: 700 });
        await page.emulateMedia({ colorScheme });
        expect({ width, colorScheme, found: await violations() }).toEqual({ width, colorScheme, found: [] });
      }
    }
  });

  it("says what is missing where a browser cannot isolate it", async () => {
    const page = await openSite((fresh) =>
      fresh.addInitScript(() => {
        Object.defineProperty(navigator.serviceWorker, "register", { value: () => Promise.reject() });
      }),
    );
    expect(await page.textContent("#isolation")).toMatch(/^no: one thread each/);
  });

  it("asks no other server for anything", async () => {
    const asked: string[] = [];
    const page = await openSite(async (fresh) => {
      fresh.on("request", (request) => asked.push(request.url()));
    });
    const { origin } = new URL(page.url());
    expect(asked.filter((url) => new URL(url).origin !== origin && !url.startsWith("data:"))).toEqual([]);
  });
});
