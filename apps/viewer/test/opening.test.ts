/// <reference lib="dom" />
import { expect, it } from "vitest";
import { openReport, useBrowser } from "./support/browser.js";
import { manyCells, results } from "./support/results.js";

const browser = useBrowser();

it("the report page opens within a second with 5,000 cells", { tags: "nightly" }, async () => {
  const times: number[] = [];
  for (let attempt = 0; attempt < 5; attempt++) {
    const { page } = await openReport(browser(), [results({ cells: manyCells(), workloads: [] })]);
    await page.locator("#trade-off svg").first().waitFor();
    times.push(await page.evaluate(() => performance.now()));
    await page.close();
  }
  // What disturbs one of them only adds.
  expect(Math.min(...times)).toBeLessThan(1000);
});
