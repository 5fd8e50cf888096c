import { messageOf } from "@softmax-bench/core";
import { BROWSER_KINDS, type Browser, type BrowserKind, findBrowser } from "@softmax-bench/host-browser";
import puppeteer, { type Page } from "puppeteer-core";
import { expect, it, onTestFinished } from "vitest";

/** Drives the form that measures a visitor's browser, as a user would. */

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

/** Opens a page in a browser of its own, which ends with the test. */
export async function openPage({ kind, executable }: Browser, url: string): Promise<Page> {
  const browser = await puppeteer.launch({
    browser: kind === "firefox" ? "firefox" : "chrome",
    executablePath: executable,
    headless: true,
    // As root, and in containers, there is no sandbox to be had.
    args: kind === "firefox" ? [] : ["--no-sandbox"],
  });
  onTestFinished(() => browser.close());
  const page = await browser.newPage();
  await page.goto(url);
  return page;
}

/** Waits for the form. The site loads its page again to isolate it, and asking Firefox at that moment fails. */
export const showsForm = (page: Page): Promise<void> =>
  expect.poll(() => page.$("form").catch(() => null), { timeout: 30_000 }).not.toBeNull();

/** Measures some backends by the form of a page. @returns what the page says in the end */
export async function measure(page: Page, backends: readonly string[]): Promise<string> {
  await showsForm(page);
  await page.$$eval(
    "input[name=backend]",
    (boxes, wanted) => {
      for (const box of boxes as HTMLInputElement[]) box.checked = wanted.includes(box.value);
    },
    backends,
  );
  await page.type("input[name=name]", "a test");
  await page.click("button[type=submit]");
  await page.waitForFunction(
    () => /^(?:Done|No result)/.test(document.querySelector("#status")?.textContent ?? ""),
    { polling: 250, timeout: 120_000 },
  );
  return page.$eval("#status", ({ textContent }) => textContent ?? "");
}
