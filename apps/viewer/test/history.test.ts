/// <reference lib="dom" />
import { toHistoryRun } from "@softmax-bench/regression";
import { historyPage, trackRuns } from "@softmax-bench/report";
import { describe, expect, it } from "vitest";
import { openHtml, useBrowser, whyNoBrowser } from "./support/browser.js";
import { cell, results } from "./support/results.js";

/** A history of two profiles: an improvement and a regression in each, on the same cell. */
function page(): string {
  const runs = ["default", "smoke"].flatMap((profile) =>
    Array.from({ length: 60 }, (_, index) => {
      const made = results();
      const startedAt = new Date(Date.UTC(2026, 0, 1) + index * 86_400_000).toISOString();
      const noise = 1 + 0.005 * ((index * 7) % 5);
      const ms = noise * (index < 20 ? 2 : index < 40 ? 1.5 : 2.4);
      return toHistoryRun({
        ...made,
        run: {
          ...made.run,
          id: `${profile}-${index}`,
          startedAt,
          profile,
          commit: `${index + 10}`.repeat(20),
        },
        cells: [
          cell("tfjs-wasm", "manual/fused", { ms, maxUlp: 2 }),
          cell("tfjs-wasm", "a-method/with-a-name-of-forty-characters", { ms: noise, maxUlp: 2 }),
        ],
      });
    }),
  );
  return historyPage(trackRuns("main", runs));
}

if (whyNoBrowser) {
  it.skipIf(!process.env.CI)(whyNoBrowser, () => expect.fail(whyNoBrowser));
}

describe.skipIf(whyNoBrowser)("the page of a history", () => {
  const browser = useBrowser();

  it("shows one profile at a time, its changes for the worse first, without a script", async () => {
    const { page: opened, complaints } = await openHtml(browser(), page(), { javaScriptEnabled: false });
    const shown = () =>
      opened.locator(".profile").evaluateAll((all) => all.map((each) => getComputedStyle(each).display));
    expect(await shown()).toEqual(["block", "none"]);
    await opened.getByLabel("smoke").check();
    expect(await shown()).toEqual(["none", "block"]);
    const headings = opened.locator(".profile:visible h2, .profile:visible figcaption");
    const texts = (await headings.allTextContents()).map((text) => text.replace(/^(time of tfjs).*/s, "$1"));
    expect(texts).toEqual([
      "Changes for the worse",
      "time of tfjs",
      "Changes for the better",
      "time of tfjs",
    ]);
    expect(complaints).toEqual([]);
  });

  it("marks changes in a chart, with the commits on its axis", async () => {
    const { page: opened } = await openHtml(browser(), page());
    const chart = opened.locator(".chart:visible").first();
    expect(await chart.locator("line.at").count()).toBe(2);
    expect(await chart.locator(".tick").allTextContents()).toEqual(
      expect.arrayContaining(["10101010", "30303030", "50505050"]),
    );
    const box = await chart.locator("svg").boundingBox();
    const mark = await chart.locator("line.at.regression").boundingBox();
    const share = ((mark?.x ?? 0) - (box?.x ?? 0)) / (box?.width ?? 1);
    // Between the 40th and the 41st of 60 runs.
    expect(share).toBeGreaterThan(39 / 59 - 0.01);
    expect(share).toBeLessThan(40 / 59 + 0.01);
  });

  it.each([375, 1280])(
    "needs no scrolling sideways, and labels do not overlap, at %i pixels",
    async (width) => {
      const { page: opened } = await openHtml(browser(), page(), { viewport: { width, height: 800 } });
      await opened.locator("details:visible summary").click();
      expect(await opened.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
      const labels = await opened
        .locator(".chart:visible")
        .first()
        .locator(".tick")
        .evaluateAll((all) =>
          all.map((each) => each.getBoundingClientRect()).map(({ left, right }) => [left, right]),
        );
      const sorted = labels.toSorted((a, b) => (a[0] ?? 0) - (b[0] ?? 0)).flat();
      expect(sorted).toEqual(sorted.toSorted((a, b) => a - b));
      expect(sorted.at(0)).toBeGreaterThanOrEqual(0);
      expect(sorted.at(-1)).toBeLessThanOrEqual(width);
    },
  );

  it.each(["light", "dark"] as const)("has a contrast of 4.5 at least, %s", async (colorScheme) => {
    const { page: opened } = await openHtml(browser(), page(), { colorScheme });
    const ratios = await opened.evaluate(() => {
      const luminance = (color: string) => {
        const [r = 0, g = 0, b = 0] = (color.match(/[\d.]+/g) ?? []).map((part) => {
          const value = Number(part) / 255;
          return value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const page = luminance(getComputedStyle(document.body).backgroundColor);
      return ["body", "small", ".tick", "b.regression", "b.improvement"].map((selector) => {
        const element = document.querySelector(selector);
        const own = element ? luminance(getComputedStyle(element).color) : page;
        return (Math.max(own, page) + 0.05) / (Math.min(own, page) + 0.05);
      });
    });
    for (const ratio of ratios) expect(ratio).toBeGreaterThan(4.5);
    const background = await opened.evaluate(() => getComputedStyle(document.body).backgroundColor);
    expect(background).toBe(colorScheme === "light" ? "rgb(255, 255, 255)" : "rgb(22, 22, 22)");
  });
});
