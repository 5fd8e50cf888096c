/// <reference lib="dom" />
import { readFileSync } from "node:fs";
import type { Cell, Results, Timing } from "@softmax-bench/core";
import { formatResults } from "@softmax-bench/core/results";
import { renderMarkdown, reportView } from "@softmax-bench/report";
import axe from "axe-core";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { openHtml, openReport, template, useBrowser, whyNoBrowser } from "./support/browser.js";
import { cell, manyCells, REASON, results, scaling } from "./support/results.js";

if (whyNoBrowser) {
  it.skipIf(!process.env.CI)(whyNoBrowser, () => expect.fail(whyNoBrowser));
} else {
  describe("the report page", () => {
    const browser = useBrowser();
    const open = (...runs: Results[]) => openReport(browser(), runs.length ? runs : [results()]);

    const cardOf = (page: Page, workload: string, dtype = "float32") =>
      page.locator("#verdict article", { has: page.getByRole("heading", { name: `${workload} ${dtype}` }) });
    const answer = (page: Page) => cardOf(page, "seed-3200").locator(".answer").innerText();

    describe("its verdict", () => {
      it("is that of report.md, word for word, until a reader asks for something else", async () => {
        const { page, complaints } = await open();
        const sentences = await page.locator("#verdict .sentence").allTextContents();
        const said = reportView(results()).workloads.flatMap(({ verdicts }) => verdicts);
        expect(sentences.toSorted()).toEqual(
          [...said, "cifar-head, float64: no cell was measured."].toSorted(),
        );
        expect(renderMarkdown(reportView(results()))).toContain("on-gpu manual/fused is the fastest within");
        expect(await answer(page)).toBe("on-gpu manual/fused");
        expect(complaints).toEqual([]);
      });

      it("names the runner-up, and by how much it is behind", async () => {
        const { page } = await open();
        expect(await cardOf(page, "seed-3200").locator(".next").innerText()).toBe(
          "next on-cpu manual/fused, 3.00×",
        );
      });

      it("calls cells tied that the run cannot tell apart, shows its resolution, and warns of a busy machine", async () => {
        const [first, second, ...others] = results().cells as [Cell, Cell, ...Cell[]];
        const near = { ...second, timing: first.timing };
        const falling = cell("in-wasm", "manual/shifted", { ms: 1, maxUlp: 3 });
        const unsettled: Cell = {
          ...falling,
          timing: { gradient: { ...(falling.timing?.gradient as Timing), steadiness: "unsettled" } },
        };
        const state = { loadAverage: 2, windowNs: 1e9, otherCores: 1, steal: 0, spinNs: 1e6 };
        const { page } = await open(
          results({
            cells: [first, near, unsettled, ...others],
            resolution: {
              groups: ["on-gpu", "on-cpu", "in-wasm"].map((backend) => ({
                backend,
                workload: "seed-3200",
                phase: "gradient",
                ratio: 0.03,
                processes: 3,
              })),
              identicalPairs: [],
            },
            noise: { before: state, during: [state] },
          }),
        );
        const card = cardOf(page, "seed-3200");
        expect(await card.locator(".next").innerText()).toContain("tied with");
        expect(await card.innerText()).toContain("± 3.0 %");
        expect(await answer(page)).not.toContain("manual/shifted");
        expect(await card.locator(".sentence").textContent()).toContain(
          "(in-wasm manual/shifted is faster, but its times had not settled)",
        );
        expect(await page.locator(".warning").first().innerText()).toContain("The machine was busy");
      });

      it("changes with each constraint", async () => {
        const { page } = await open();
        await page.getByRole("checkbox", { name: "CPU only" }).check();
        expect(await answer(page)).toBe("on-cpu manual/fused");
        await page.getByRole("checkbox", { name: "no native code" }).check();
        expect(await answer(page)).toBe("in-wasm manual/fused");
        await page.getByRole("combobox", { name: "of" }).selectOption("ULP, every entry");
        await page.getByRole("spinbutton").fill("5");
        expect(await answer(page)).toBe("in-wasm autograd/naive");
        await page.getByRole("spinbutton").fill("1");
        expect(await cardOf(page, "seed-3200").innerText()).toContain(
          "no gradient on the CPU without native code is within the error bound (every entry within 1 ULP)",
        );
        await page.getByRole("button", { name: "as in report.md" }).click();
        expect(await answer(page)).toBe("on-gpu manual/fused");
        await page.getByRole("radio", { name: /round trip/ }).check();
        expect(await answer(page)).toBe("in-wasm manual/fused");
      });
    });

    describe("its filters", () => {
      it("choose workload, dtype, backends and methods for all that follows", async () => {
        const { page } = await open();
        const filters = page.getByRole("form", { name: "Filters" });
        const cells = page.locator(".matrix button");
        expect(await cells.count()).toBe(6);
        await filters.getByRole("checkbox", { name: "on-gpu" }).uncheck();
        expect(await cells.count()).toBe(4);
        await filters.getByRole("checkbox", { name: "autograd/naive" }).uncheck();
        expect(await cells.allInnerTexts()).toEqual(["6.00 ms", "9.00 ms"]);
        expect(await page.locator("#trade-off [data-mark='dot'] *").count()).toBe(2);
        await filters.getByRole("radio", { name: "float64" }).check();
        expect(await cells.allInnerTexts()).toEqual(["12.0 ms"]);
        await filters.getByRole("radio", { name: "float32" }).check();
        await filters.getByRole("combobox", { name: "Workload" }).selectOption("cifar-head");
        expect(await cells.allInnerTexts()).toEqual(["20.0 µs"]);
        await filters.getByRole("group", { name: "Methods" }).getByRole("button").click();
        expect(await filters.getByRole("checkbox", { name: "autograd/naive" }).isChecked()).toBe(true);
      });
    });

    describe("a cell", () => {
      it("shows time or error, and the reason where there is neither", async () => {
        const { page } = await open();
        const cell = page.getByRole("button", { name: /^on-cpu autograd\/naive/ });
        expect(await cell.innerText()).toBe("30.0 ms");
        await page.locator("#matrix").getByRole("radio", { name: "relative L2 error" }).check();
        expect(await cell.innerText()).toBe("4.0e-8");
        const absent = page.getByRole("button", { name: /^on-gpu autograd\/naive/ });
        expect(await absent.innerText()).toBe("unsupported");
        expect(await absent.getAttribute("title")).toBe(REASON);
      });

      it("opens down to its raw samples", async () => {
        const { page } = await open();
        await page.getByRole("button", { name: /^on-cpu manual\/fused/ }).click();
        const detail = page.getByRole("article", { name: "on-cpu manual/fused, float32, seed-3200" });
        expect(await detail.innerText()).toContain("gradient sha256:000");
        await detail.getByText("Numbers", { exact: false }).first().click();
        const rows = detail.getByRole("table", { name: "Numbers: samples" }).getByRole("row");
        await rows.first().waitFor();
        expect(await rows.count()).toBe(1 + 4 * 9);
        expect(await rows.nth(1).innerText()).toMatch(/^forward\s+1\s+2910000/);
      });
    });

    it("offers the numbers of every figure as a table and a file", async () => {
      const { page } = await open();
      const figures = page.locator("main figure:has(> figcaption)");
      expect(await figures.count()).toBeGreaterThanOrEqual(7);
      for (const figure of await figures.all()) {
        await figure.locator("> details > summary").click();
        const link = figure.getByRole("link", { name: /Download .*\.csv/ });
        const [download] = await Promise.all([page.waitForEvent("download"), link.click()]);
        const [header = "", ...rows] = readFileSync(await download.path(), "utf8")
          .trim()
          .split("\n");
        expect(header.split(",").length).toBeGreaterThanOrEqual(3);
        expect(rows.length).toBeGreaterThan(0);
      }
    });

    it("puts the original experiment's numbers beside ours", async () => {
      const { page } = await open();
      const rows = await page.locator("#by-hand tbody tr").allInnerTexts();
      expect(rows[0]).toMatch(/PyTorch, 2017\s+float32\s+by hand\s+autograd\s+~1e-7/);
      expect(rows.at(-1)).toMatch(/on-cpu\s+float32\s+manual\/fused\s+autograd\/naive\s+9\.8e-8/);
    });

    it("tells how far each gradient is from the machine's copy bandwidth", async () => {
      const { page } = await open();
      // 2 · 3200² · 4 bytes in 6 ms, of 20 GB/s.
      await page.locator("#limit details summary").click();
      expect(await page.locator("#limit tbody tr", { hasText: "on-cpu manual/fused" }).count()).toBe(0);
      const row = page.locator("#limit tbody tr", { hasText: "on-cpu" }).filter({ hasText: "manual/fused" });
      const share = Number((await row.locator("td").last().innerText()).trim());
      expect(share).toBeCloseTo((2 * 3200 ** 2 * 4) / 6e-3 / 2e10, 6);
    });

    it("tells how times grow, where threads pay, and what memory is held", async () => {
      const { page } = await openReport(browser(), [
        results({ cells: [], distances: [], scaling: scaling() }),
      ]);
      const section = page.locator("#scaling");
      const fits = await section.getByRole("table", { name: "Fits" }).locator("tbody tr").allInnerTexts();
      expect(fits[0]).toMatch(
        /float32\s+on-cpu\s+manual\/fused\s+2\s+2\.00 µs\s+0 ns\s+20\.0 GB\/s\s+1\.0 %\s+3/,
      );
      expect(await section.innerText()).toContain(
        "on-cpu manual/fused float32: 2 threads pay from 64,000 elements on, for every shape here (at most 1.90×).",
      );
      const memory = section.getByRole("table", { name: "Memory" }).locator("tbody tr");
      expect(await memory.first().innerText()).toMatch(/8\.0\s+0\.0 %\s+0\.0 %\s+0\.0 %\s+returned/);
    });

    describe("given several runs", () => {
      const later = (hour: string, slow: number, environment = results().environment): Results =>
        results({
          run: {
            ...results().run,
            id: `20260101-${hour}0000-default`,
            startedAt: `2026-01-01T${hour}:00:00.000Z`,
          },
          environment,
          cells: [cell("on-cpu", "manual/fused", { ms: 6 * slow, maxUlp: 12 })],
        });

      it("compares two of them with intervals", async () => {
        const { page } = await open(results(), later("05", 1.5));
        const row = page.locator("#comparison tbody tr", { hasText: "seed-3200" }).first();
        expect(await row.innerText()).toMatch(
          /^slower\s+on-cpu\s+manual\/fused\s.*\+50\.0 %\s+\[\+22\.8 %, \+83\.2 %\]/,
        );
        expect(await page.locator("#comparison").innerText()).toContain("The two runs did not take turns");
      });

      it("draws a line over time for each cell, and warns where machines differ", async () => {
        const other = { ...results().environment, cpu: "Another CPU" };
        const { page } = await open(results(), later("05", 1.01), later("06", 1.2, other));
        expect(await page.getByRole("img", { name: "Median times over 3 runs" }).count()).toBe(1);
        expect(await page.locator("#comparison").innerText()).toContain(
          "Times are not compared, since the machines differ: processor Some CPU → Another CPU",
        );
      });
    });

    it("shows merged results machine by machine, and never mixes their times", async () => {
      const { environment, cells, backends, ...rest } = results();
      const on = (machine: string, slower: number) => ({
        cells: [cell("on-cpu", "manual/fused", { ms: 6 * slower, maxUlp: 12 }, { machine })],
        backends: backends.filter(({ id }) => id === "on-cpu").map((one) => ({ ...one, machine })),
        machine: { id: machine, environment: { ...environment, cpu: machine } },
      });
      const [small, large] = [on("small", 1), on("large", 0.5)];
      const { page } = await open({
        ...rest,
        environment,
        distances: [],
        cells: [...small.cells, ...large.cells],
        backends: [...small.backends, ...large.backends],
        machines: [small.machine, large.machine],
      });
      expect(await page.locator(".matrix button").allInnerTexts()).toEqual(["6.00 ms"]);
      await page
        .getByRole("combobox", { name: "Run" })
        .selectOption({ label: "20260101-000000-default, machine 2" });
      expect(await page.locator(".matrix button").allInnerTexts()).toEqual(["3.00 ms"]);
      expect(await page.locator("#environment").innerText()).toMatch(/processor\s+large/);
      expect(await page.locator("#comparison").innerText()).toContain(
        "since the machines differ: processor small → large",
      );
    });

    it("opens results files that a reader chooses", async () => {
      const { page } = await openHtml(browser(), template());
      expect(await page.getByRole("main").innerText()).toContain("There are no results here");
      const buffer = Buffer.from(formatResults(results()));
      await page.getByLabel("Open results files").setInputFiles([{ name: "a.json", mimeType: "", buffer }]);
      const title = page.getByRole("heading", { level: 1, name: "softmax-bench 20260101-000000-default" });
      await title.waitFor();
      expect(await title.count()).toBe(1);
    });

    describe("for everyone", () => {
      const violations = async (page: Page) => {
        await page.evaluate(axe.source);
        const found = await page.evaluate(async () => {
          const { axe: checker } = globalThis as unknown as { axe: typeof axe };
          return (await checker.run()).violations.map(
            ({ id, nodes }) => `${id}: ${nodes[0]?.html.slice(0, 200)}`,
          );
        });
        return found;
      };

      const expectNoViolation = async (colorScheme: "light" | "dark", width: number) => {
        const { page } = await openReport(browser(), [results(), results()], {
          colorScheme,
          viewport: { width, height: 800 },
        });
        await page.getByRole("button", { name: /^on-cpu manual\/fused/ }).click();
        for (const summary of await page.locator("summary").all()) await summary.click();
        expect(await violations(page)).toEqual([]);
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
      };
      const claim = "has no violation that axe finds: %s, %d pixels wide";
      it.each([
        ["light", 1280],
        ["dark", 375],
      ] as const)(claim, expectNoViolation);
      it.each([
        ["dark", 1280],
        ["light", 375],
      ] as const)(claim, { tags: "nightly" }, expectNoViolation);

      it("is reached by keyboard, all of it", async () => {
        const { page } = await open();
        const reached = new Set<string>();
        const nameOfFocus = () =>
          page.evaluate(() => {
            const { activeElement: at } = document;
            return `${at?.tagName} ${at?.getAttribute("href") ?? at?.closest("label")?.textContent ?? at?.textContent}`;
          });
        for (let press = 0; press < 120; press++) {
          await page.keyboard.press("Tab");
          reached.add(await nameOfFocus());
        }
        const wanted = [
          ...["A #verdict", "A #environment", "INPUT CPU only", "INPUT no native code", "BUTTON 2.00 ms"],
          ...["INPUT on-gpu", "INPUT autograd/naive"],
        ];
        for (const name of wanted) expect([...reached]).toContain(name);

        await page.getByRole("button", { name: /^on-gpu manual\/fused/ }).focus();
        await page.keyboard.press("ArrowRight");
        expect(await nameOfFocus()).toBe("BUTTON 6.00 ms");
        await page.keyboard.press("ArrowDown");
        await page.keyboard.press("Enter");
        expect(await page.getByRole("article", { name: /^on-cpu autograd\/naive/ }).count()).toBe(1);
      });

      it("can be printed: the answers stay, the controls go", async () => {
        const { page } = await open();
        await page.emulateMedia({ media: "print" });
        expect(await page.locator(".controls").first().isVisible()).toBe(false);
        expect(await page.locator("#verdict .answer").first().isVisible()).toBe(true);
        expect((await page.pdf({ format: "A4" })).length).toBeGreaterThan(20_000);
      });
    });

    it("is smaller than 1 MB without data", () => {
      expect(template().length).toBeLessThan(1e6);
    });

    it("shows 5,000 cells", async () => {
      const { page } = await open(results({ cells: manyCells(), workloads: [] }));
      await page.locator("#trade-off svg").first().waitFor();
      expect(await page.locator("#verdict article").count()).toBe(50);
    });
  });
}
