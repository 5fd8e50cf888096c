import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Results } from "@softmax-bench/core";
import { renderPage } from "@softmax-bench/report";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, onTestFinished } from "vitest";

/** Debian's. */
const CHROMIUM = process.env.CHROMIUM_PATH ?? "/usr/bin/chromium";

/** The reason why pages cannot be driven here; where it must be possible, the tests fail instead. */
export const whyNoBrowser = existsSync(CHROMIUM)
  ? undefined
  : `chromium is unavailable: there is no ${CHROMIUM} (apt-get install chromium, or set CHROMIUM_PATH)`;

/** One browser for a file of tests. */
export function useBrowser(): () => Browser {
  let browser: Browser | undefined;
  beforeAll(async () => {
    // As root, and in containers, there is no sandbox to be had.
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });
  });
  afterAll(async () => await browser?.close());
  return () => {
    if (!browser) throw new Error("the browser has not been started");
    return browser;
  };
}

export const template = (): string => readFileSync(new URL("../../dist/index.html", import.meta.url), "utf8");

export interface Opened {
  readonly page: Page;
  /** Errors of the page's script, and what its policy refused. */
  readonly complaints: string[];
}

export interface OpenOptions {
  readonly viewport?: { readonly width: number; readonly height: number };
  readonly colorScheme?: "light" | "dark";
  readonly javaScriptEnabled?: boolean;
}

/** Opens a report, as a user opens the file. */
export async function openReport(
  browser: Browser,
  runs: readonly Results[],
  options: OpenOptions = {},
): Promise<Opened> {
  return openHtml(
    browser,
    renderPage(
      template(),
      runs.map((results) => ({ name: results.run.id, results })),
    ),
    options,
  );
}

export async function openHtml(
  browser: Browser,
  html: string,
  {
    viewport = { width: 1280, height: 900 },
    colorScheme = "light",
    javaScriptEnabled = true,
  }: OpenOptions = {},
): Promise<Opened> {
  const folder = mkdtempSync(join(tmpdir(), "softmax-bench-page-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "report.html");
  writeFileSync(file, html);
  const page = javaScriptEnabled ? await borrowTab(browser) : await openTab(browser, { javaScriptEnabled });
  await page.setViewportSize(viewport);
  await page.emulateMedia({ colorScheme, media: null });
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  page.on("request", (request) => {
    if (!/^(file|data|blob):/.test(request.url())) complaints.push(`asked for ${request.url()}`);
  });
  page.on("dialog", (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  await page.goto(`file://${file}`);
  return { page, complaints };
}

/** Tabs that no test uses now: each file of a report is a document of its own, and a new tab takes a second of a processor. */
const idleTabs = new WeakMap<Browser, Page[]>();

/** A tab until the end of the test. */
async function borrowTab(browser: Browser): Promise<Page> {
  const idle = idleTabs.get(browser) ?? [];
  idleTabs.set(browser, idle);
  const tab = idle.pop() ?? (await openTab(browser));
  onTestFinished(async () => {
    if (tab.isClosed()) return;
    await tab.removeAllListeners(undefined, { behavior: "wait" });
    await tab.mouse.move(0, 0);
    await tab.goto("about:blank");
    idle.push(tab);
  });
  return tab;
}

async function openTab(
  browser: Browser,
  options: { readonly javaScriptEnabled?: boolean } = {},
): Promise<Page> {
  const context = await browser.newContext(options);
  // A test has a time limit of its own.
  context.setDefaultTimeout(0);
  return await context.newPage();
}
