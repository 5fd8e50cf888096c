/// <reference lib="dom" />
import type { Results } from "@softmax-bench/core";
import { formatResults, schema } from "@softmax-bench/core/results";
import { renderPage } from "@softmax-bench/report";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { openHtml, openReport, template, useBrowser, whyNoBrowser } from "./support/browser.js";
import { cell, results, scaling } from "./support/results.js";

/** Each would say so in a dialog, or by asking for a file. */
const ATTACKS = [
  `</script><script>alert('script')</script><img src=x onerror="alert('img')">`,
  `javascript:alert('url')`,
];
const MORE_ATTACKS = [
  `<img src=x onerror="alert('img')">`,
  "__proto__",
  `<!--<script>`,
  `"><svg onload=alert('svg')>`,
  `\u202Ereversed\u0007`,
  `{{constructor.constructor('alert(1)')()}}`,
  `=HYPERLINK("http://example.com")`,
  "x".repeat(200),
  "constructor",
];

/** Results in which every text is the same, and every id, as far as ids may be that. */
function sayingEverywhere(text: string): Results {
  const base = results();
  const id = schema.id.safeParse(text).success ? text : "id";
  const name = schema.fileName.safeParse(text).success ? text : "name";
  const long = text.repeat(Math.max(1, Math.floor(300 / text.length)));
  return {
    ...base,
    run: {
      ...base.run,
      id: name,
      profile: name,
      argv: [text],
      commit: text,
      command: name,
      wallNs: { [text]: 1e9 },
    },
    environment: {
      ...base.environment,
      cpu: long,
      os: long,
      node: text,
      versions: { [text]: text },
      simd: text,
    },
    workloads: (base.workloads ?? []).slice(0, 1).map((workload) => ({ ...workload, id, summary: long })),
    backends: base.backends.slice(0, 1).map((backend) => ({
      ...backend,
      id,
      reason: long,
      remedy: long,
      settings: { [text]: text },
      engine: { name: text, version: text },
      device: { kind: "cpu", name: long },
    })),
    cells: [
      cell(id, id, { ms: 1, maxUlp: 2 }, { workload: id, note: long }),
      {
        backend: id,
        method: `${id}2`.slice(-200),
        dtype: "float32",
        workload: id,
        status: "failed",
        reason: long,
      },
    ],
    distances: base.distances.slice(0, 1).map((distance) => ({
      ...distance,
      backend: id,
      workload: id,
      a: id,
      b: id,
    })),
    scaling: scalingSaying(id, long),
    precision: {
      ulpLimit: 4,
      sweeps: [{ id, summary: long, axis: text }],
      curves: [
        {
          backend: id,
          method: id,
          dtype: "float32",
          sweep: id,
          status: "ok",
          note: long,
          points: [-1, 1].map((x) => ({
            x,
            lossRelError: 0,
            relL2: 0,
            maxAbs: 0,
            sumAbs: 0,
            maxUlp: Number.POSITIVE_INFINITY,
            p99Ulp: Number.NaN,
            nonFinite: 1,
            rowSumResidual: 0,
          })),
        },
      ],
    },
  };
}

function scalingSaying(id: string, long: string): NonNullable<Results["scaling"]> {
  const { series, threading } = scaling(id, id);
  return { threading, series: series.map((one) => ({ ...one, reason: long, note: long })) };
}

const LOADED = "main section, main > p";

if (whyNoBrowser) {
  it.skipIf(!process.env.CI)(whyNoBrowser, () => expect.fail(whyNoBrowser));
} else {
  describe("a results file from anywhere", () => {
    const browser = useBrowser();

    const alertOf = async (page: Page) => await page.getByRole("alert").allInnerTexts();

    const choose = async (page: Page, text: string) => {
      const buffer = Buffer.from(text);
      await page
        .getByLabel("Open results files")
        .setInputFiles([{ name: "chosen.json", mimeType: "", buffer }]);
      await page.getByRole("alert").or(page.locator("#environment")).first().waitFor();
    };

    const expectHarmless = async (text: string) => {
      const { page, complaints } = await openReport(
        browser(),
        [sayingEverywhere(text), sayingEverywhere(text)],
        {
          viewport: { width: 375, height: 800 },
        },
      );
      await page.locator(LOADED).first().waitFor();
      expect(await page.locator("summary").count()).toBeGreaterThan(0);
      expect(await page.locator(".matrix button").count()).toBeGreaterThan(0);
      for (const summary of await page.locator("summary").all()) await summary.click();
      for (const button of await page.locator(".matrix button").all()) await button.click();
      expect(await page.locator("img, script:not([type]), iframe, object").count()).toBe(0);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(375);
      expect(complaints).toEqual([]);
    };
    const claim = "does nothing, and stays in its place, when it says %j everywhere";
    it.each(ATTACKS)(claim, expectHarmless);
    it.each(MORE_ATTACKS)(claim, { tags: "nightly" }, expectHarmless);

    it("runs no script but the page's own, whatever gets into the page", async () => {
      const { page, complaints } = await openReport(browser(), [results()]);
      await page.evaluate(() => {
        const script = document.createElement("script");
        script.textContent = "document.title = 'taken over'";
        document.body.append(script);
        const image = document.createElement("img");
        image.src = "https://example.com/steal";
        document.body.append(image);
      });
      expect(await page.title()).toBe("softmax-bench");
      expect(complaints.join("\n")).toMatch(/Content Security Policy.*script-src/s);
      expect(complaints.join("\n")).toMatch(
        /violates the following Content Security Policy directive: "img-src data:"/,
      );
      await expect(page.evaluate(async () => await fetch("https://example.com"))).rejects.toThrow();
    });

    it.each<[string, string, RegExp]>([
      ["is not JSON", "{", /chosen\.json: this is not a results file of softmax-bench: not JSON/],
      ["is something else", `{"a":1}`, /not a results file of softmax-bench: schemaVersion/],
      ["is null", "null", /not a results file/],
      ["is an array", "[]", /not a results file/],
      [
        "is of a later version",
        `{"schemaVersion":2}`,
        /schemaVersion: 2, and this program reads 1; use a newer one/,
      ],
      [
        "has a reason of 10 MB",
        formatResults(results()).replace("this runtime has no such operator", "x".repeat(1e7)),
        /cells\[5\]\.reason: .*10000/,
      ],
      [
        "has an invalid number",
        formatResults(results()).replace(/"relL2": [\d.e-]+/, '"relL2": "1e-8"'),
        /relL2: expected a number or "NaN"/,
      ],
    ])("gives a message when it %s", async (_, text, message) => {
      const { page, complaints } = await openHtml(browser(), template());
      await choose(page, text);
      const [said = ""] = await alertOf(page);
      expect(said).toMatch(message);
      expect(said.length).toBeLessThan(800);
      expect(complaints).toEqual([]);
    });

    it("may have keys that are every object's, which change nothing", async () => {
      const text = formatResults(results()).replace(
        `"versions": {}`,
        `"versions": {"__proto__": "polluted"}, "__proto__": {"polluted": true}, "constructor": {"prototype": {"polluted": true}}`,
      );
      expect(text).toContain("polluted");
      const { page } = await openHtml(browser(), template());
      await choose(page, text);
      expect(await page.evaluate(() => "polluted" in {})).toBe(false);
      expect(await page.locator("#fastest tbody td").count()).toBeGreaterThan(0);
    });

    it("may have errors that are NaN or infinite, which no chart and no verdict takes for numbers", async () => {
      const broken = [Number.NaN, Number.POSITIVE_INFINITY, 0].map((relL2, index) =>
        cell("on-cpu", `manual/broken-${index}`, { ms: 1, maxUlp: relL2, relL2 }),
      );
      const { page, complaints } = await openReport(browser(), [
        results({ cells: [...results().cells, ...broken] }),
      ]);
      expect(await page.locator(".winner").innerText()).toContain("on-cpu manual/broken-2");
      expect(await page.locator("#trade-off [data-mark='dot'] *").count()).toBe(5);
      expect(
        await page
          .locator("svg")
          .evaluateAll((all) => all.filter((svg) => /NaN|Infinity/.test(svg.outerHTML)).length),
      ).toBe(0);
      expect(complaints).toEqual([]);
    });

    it("is shown beside others that are none", async () => {
      const good = renderPage(template(), [{ name: "good", results: results() }]);
      const html = good.replace(
        /\[\{"name":"good"/,
        `[{"name":"<b>bad</b>","results":{"schemaVersion":1}},null,7,{"name":"good"`,
      );
      const { page } = await openHtml(browser(), html);
      expect((await alertOf(page)).map((text) => text.slice(0, 12))).toEqual([
        "<b>bad</b>: ",
        "run 2: this ",
        "run 3: this ",
      ]);
      expect(await page.locator("#fastest tbody td").count()).toBeGreaterThan(0);
    });

    it("may be embedded damaged: the page says so", async () => {
      const { page } = await openHtml(browser(), template().replace('id="runs">[]', 'id="runs">[{'));
      expect(await alertOf(page)).toEqual(["this page: its data are damaged: not JSON"]);
    });
  });
}
