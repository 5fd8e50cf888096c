/// <reference lib="dom" />
import { readFileSync } from "node:fs";
import type { Cell, Results, Timing } from "@softmax-bench/core";
import { formatResults } from "@softmax-bench/core/results";
import { renderMarkdown, reportView } from "@softmax-bench/report";
import axe from "axe-core";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { openHtml, openReport, template, useBrowser, whyNoBrowser } from "./support/browser.js";
import { cell, manyCells, precision, REASON, results, scaling } from "./support/results.js";

if (whyNoBrowser) {
  it.skipIf(!process.env.CI)(whyNoBrowser, () => expect.fail(whyNoBrowser));
} else {
  describe("the report page", () => {
    const browser = useBrowser();
    const open = (...runs: Results[]) => openReport(browser(), runs.length ? runs : [results()]);

    const plain = (text: string): string => text.replaceAll(/\s+/g, " ").trim();
    const rowOf = (page: Page, workload: string, dtype = "float32") =>
      page.locator("#fastest tbody tr", {
        has: page.getByRole("button", { name: `${workload} ${dtype}`, exact: true }),
      });
    /** The fastest of the table for the original workload. */
    const answer = async (page: Page) =>
      plain(await rowOf(page, "seed-3200").locator("td").first().innerText());
    const withUnsettledTime = (one: Cell): Cell => ({
      ...one,
      timing: { ...one.timing, gradient: { ...(one.timing?.gradient as Timing), steadiness: "unsettled" } },
    });
    const choice = (page: Page, name: string) => page.getByRole("combobox", { name, exact: true });
    /** The texts of cells, without their second lines. */
    const times = (page: Page) => page.locator(".matrix button .time").allInnerTexts();

    describe("its verdict", () => {
      it("is that of report.md, word for word, until a reader asks for something else", async () => {
        const { page, complaints } = await open();
        const sentences = await page.locator("#fastest details .sentence").allTextContents();
        expect(sentences).toEqual(reportView(results()).workloads.flatMap(({ verdicts }) => verdicts));
        expect(renderMarkdown(reportView(results()))).toContain("on-gpu manual/fused is the fastest within");
        expect(await answer(page)).toBe("on-gpu manual/fused");
        expect(complaints).toEqual([]);
      });

      it("names the runner-up, and by how much it is behind", { tags: "nightly" }, async () => {
        const { page } = await open();
        expect(plain(await rowOf(page, "seed-3200").innerText())).toMatch(/on-cpu manual\/fused 3\.00×$/);
        expect(await page.locator(".winner").innerText()).toContain("; next on-cpu manual/fused (3.00×)");
      });

      it("calls cells tied that the run cannot tell apart, shows its resolution, and warns of a busy machine", async () => {
        const [first, second, ...others] = results().cells as [Cell, Cell, ...Cell[]];
        const near = { ...second, timing: first.timing };
        const unsettled = withUnsettledTime(cell("in-wasm", "manual/shifted", { ms: 1, maxUlp: 3 }));
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
        expect(await page.locator(".winner").innerText()).toMatch(
          /; tied with .*; in-wasm manual\/shifted is faster, but its times had not settled$/,
        );
        expect(await page.locator(".trust").innerText()).toMatch(
          /In comparisons within this run, its time is resolved to ± 3\.0 % .*, on a busy machine; another run may differ by more\.$/,
        );
        expect(await page.locator(".method").innerText()).toMatch(/On 1 of 3, on-cpu and on-gpu are tied\.$/);
        const row = plain(await rowOf(page, "seed-3200").innerText());
        expect(row).toContain("± 3.0 %");
        expect(row).toMatch(/ = 1\.00×$/);
        expect(await answer(page)).not.toContain("manual/shifted");
        expect(await page.locator("#fastest .sentence").first().textContent()).toContain(
          "(in-wasm manual/shifted is faster, but its times had not settled)",
        );
        const tied = page.getByRole("button", {
          name: /^on-(gpu|cpu) manual\/fused: .*, tied with the fastest$/,
        });
        const signOf = (which: typeof tied) =>
          which.locator(".time").evaluate((time) => getComputedStyle(time, "::before").content);
        expect(await signOf(tied)).toContain("=");
        const unsettledCell = page.getByRole("button", {
          name: /manual\/shifted: .*, its times had not settled$/,
        });
        expect(await signOf(unsettledCell)).toContain("~");
        expect(await page.locator(".warning").first().innerText()).toContain("The machine was busy");
      });

      it("changes with each constraint", async () => {
        const { page } = await open();
        await choice(page, "Runs on").selectOption("CPU only");
        expect(await answer(page)).toBe("on-cpu manual/fused");
        await choice(page, "Runs on").selectOption("CPU only, no native code");
        expect(await answer(page)).toBe("in-wasm manual/fused");
        await page.getByText("More", { exact: true }).click();
        await choice(page, "of").selectOption("ULP, every entry");
        await page.getByRole("spinbutton").fill("5");
        await page.getByRole("spinbutton").press("Enter");
        expect(await answer(page)).toBe("in-wasm autograd/naive");
        await page.getByRole("spinbutton").fill("1");
        await page.getByRole("spinbutton").press("Enter");
        expect(await rowOf(page, "seed-3200").innerText()).toContain(
          "no gradient on the CPU without native code is within the error bound (every entry within 1 ULP)",
        );
        await page.getByRole("button", { name: "As in report.md" }).click();
        expect(await answer(page)).toBe("on-gpu manual/fused");
        await choice(page, "I need the gradient").selectOption("back in JavaScript");
        expect(await answer(page)).toBe("in-wasm manual/fused");
        expect(await page.getByRole("heading", { level: 1 }).innerText()).toContain(
          "the fastest round trip within the error bound",
        );
      });

      it("is one sentence above everything else: the backend, how often, and where it is another one", {
        tags: "nightly",
      }, async () => {
        const { page } = await open();
        const title = page.getByRole("heading", { level: 1 });
        expect(await title.innerText()).toBe(
          "on-cpu is the fastest within the error bound on 2 of 3 workloads and dtypes; on-gpu on seed-3200 float32.",
        );
        const top = (await title.boundingBox())?.y ?? Number.NaN;
        expect(top).toBeLessThan(120);
        const above = await page
          .locator(":is(form, section, table)")
          .evaluateAll((all, y) => all.filter((one) => one.getBoundingClientRect().top < y).length, top);
        expect(above).toBe(0);
      });

      it("says that trust beyond these inputs was not measured, and which command measures it", {
        tags: "nightly",
      }, async () => {
        const { page } = await open();
        expect(await page.locator(".trust").innerText()).toContain(
          "Trust beyond these inputs was not measured: softmax-bench study precision measures",
        );
      });

      it("says where the winner's method holds, and where it leaves the bound, if the run has sweeps", async () => {
        const { page } = await open(results({ precision: precision("on-gpu", "manual/fused") }));
        expect(plain(await page.locator(".trust").innerText())).toBe(
          "Can I trust it? on-gpu manual/fused in float32 holds for confident (margin up to 40) logits: 99 of 100 entries within 4 ULP; " +
            "for large logits it leaves 4 ULP at standard deviation 30; masked logits were not measured. " +
            "In comparisons within this run, its time is resolved to ± 15 % over 9 samples of one process; another run may differ by more.",
        );
        expect(await page.locator("#sweeps > details li").allTextContents()).toContain(
          "manual/fused leaves 4 ULP at standard deviation 30 (up to 31 ULP there, 90 at worst).",
        );
        await choice(page, "Runs on").selectOption("CPU only");
        expect(await page.locator(".trust").innerText()).toContain(
          "Trust in on-cpu manual/fused in float32 for confident, masked or large logits was not measured",
        );
      });
    });

    it.each<[string, Partial<Results>, RegExp]>([
      [
        "draws errors",
        { run: { ...results().run, command: "precision" }, precision: precision("on-cpu", "manual/fused") },
        /^float32, over all sweeps: manual\/fused can be trusted furthest: within 4 ULP all along in 50 % of the sweeps/,
      ],
      [
        "measures how times grow",
        { cells: [], distances: [], scaling: scaling() },
        /^on-cpu manual\/fused float32: 2 threads pay/,
      ],
      ["has nothing", { cells: [], distances: [] }, /^20260101-000000-default has no cells$/],
    ])("begins with the finding of a run that %s", async (_, over, title) => {
      const { page, complaints } = await open(results(over));
      expect(await page.getByRole("heading", { level: 1 }).innerText()).toMatch(title);
      expect(complaints).toEqual([]);
    });

    describe("its map", () => {
      const heads = async (page: Page) =>
        (await page.locator(".matrix thead th").allInnerTexts()).slice(1).map((text) => plain(text));

      it("sorts backends by their best eligible method", { tags: "nightly" }, async () => {
        const { page } = await open();
        expect(await heads(page)).toEqual(["on-gpu", "on-cpu", "in-wasm"]);
        await choice(page, "I need the gradient").selectOption("back in JavaScript");
        expect(await heads(page)).toEqual(["in-wasm", "on-cpu", "on-gpu"]);
        await page.getByText("More", { exact: true }).click();
        await choice(page, "of").selectOption("ULP, every entry");
        await page.getByRole("spinbutton").fill("12");
        await page.getByRole("spinbutton").press("Enter");
        // The fastest of in-wasm is out now; on-gpu has none left.
        expect(await heads(page)).toEqual(["on-cpu", "in-wasm", "on-gpu"]);
      });

      it("outlines the fastest within the bound, and names it for screen readers", {
        tags: "nightly",
      }, async () => {
        const { page } = await open();
        const winner = page.getByRole("button", { name: /the fastest within the error bound$/ });
        expect(await winner.count()).toBe(1);
        expect(plain(await winner.innerText())).toBe("2.00 ms 6.0e-7");
        const outline = (which: typeof winner) =>
          which.evaluate((element) => getComputedStyle(element).outlineStyle);
        expect(await outline(winner)).toBe("solid");
        expect(await outline(page.getByRole("button", { name: /^on-cpu autograd\/naive/ }))).toBe("none");
        await choice(page, "Runs on").selectOption("CPU only");
        expect(await winner.getAttribute("aria-label")).toMatch(
          /^on-cpu manual\/fused: 6\.00 ms 1\.2e-7 error, /,
        );
      });

      it("hatches what is outside the bound, and nothing else", { tags: "nightly" }, async () => {
        const far = cell("on-cpu", "manual/naive", { ms: 1, maxUlp: 900, relL2: 1e-3 });
        const { page } = await open(results({ cells: [...results().cells, far] }));
        const hatched = await page
          .locator(".matrix button")
          .evaluateAll((all) =>
            all.flatMap((one) =>
              getComputedStyle(one).backgroundImage === "none" ? [] : (one.getAttribute("aria-label") ?? ""),
            ),
          );
        expect(hatched).toEqual(["on-cpu manual/naive: 1.00 ms 1.0e-3 error, exceeds the error bound"]);
        expect(await answer(page)).toBe("on-gpu manual/fused");
      });

      it("folds away what has no result, in one line with each reason in its own words", async () => {
        const missing = (
          backend: string,
          reason: string,
          status: "unsupported" | "timeout" = "unsupported",
        ): Cell => ({
          backend,
          method: "manual/fused",
          dtype: "float32",
          workload: "seed-3200",
          status,
          reason,
        });
        const { backends, cells } = results();
        const { page } = await open(
          results({
            backends: [
              ...backends,
              {
                id: "in-pages",
                status: "unavailable",
                reason: "runs in pages only",
                remedy: "use --host chromium",
              },
            ],
            cells: [
              ...cells,
              missing("in-pages", "in-pages is unavailable: runs in pages only"),
              missing("by-op", REASON),
              missing(
                "by-hand",
                "the default profile gives by-hand at most 1 million elements, more take it seconds each time; --profile full measures it",
              ),
              missing("stuck", "no answer within 30 s", "timeout"),
            ],
          }),
        );
        expect(await heads(page)).toEqual(["on-gpu", "on-cpu", "in-wasm"]);
        const line = page.locator(".folded > summary");
        expect(await line.innerText()).toBe(
          "Not here: in-pages (unavailable: runs in pages only); " +
            `by-op (unsupported: ${REASON}); ` +
            "by-hand (too slow: the default profile gives by-hand at most 1 million elements); " +
            "stuck (timed out: no answer within 30 s)",
        );
        await line.click();
        expect(await page.getByRole("table", { name: "Cells without a result" }).innerText()).toContain(
          "--profile full measures it",
        );
        await choice(page, "Runs on").selectOption("no native code");
        expect(await heads(page)).toEqual(["in-wasm"]);
        expect(await line.innerText()).toContain("on-gpu, on-cpu (left out by your case: native code)");
      });
    });

    it("marks times that had not settled, whatever else a cell is, and compares nothing with them", async () => {
      const far = cell("on-cpu", "manual/naive", { ms: 1, maxUlp: 900, relL2: 1e-3 });
      const { page } = await open(results({ cells: [...results().cells, withUnsettledTime(far)] }));
      const onMap = page.getByRole("button", {
        name: /^on-cpu manual\/naive: .*, exceeds the error bound, its times had not settled$/,
      });
      const sign = onMap.locator(".time").evaluate((time) => getComputedStyle(time, "::before").content);
      expect(await sign).toContain("~");
      expect(await page.locator(".legend").innerText()).toContain("~ times had not settled");
      expect(await page.locator("#trade-off [data-mark='dot'] > :not([fill])").count()).toBe(1);
      expect(await page.locator("#trade-off [data-mark='text']").allTextContents()).not.toContain(
        "manual/naive",
      );
      const limit = page.locator("#limit");
      await limit.getByRole("button", { name: /^Expand for all/ }).click();
      expect(await limit.locator("figcaption").innerText()).toMatch(/; ~ marks times that had not settled/);
      const labels = limit.locator("[data-mark='y-axis tick label'] text");
      expect((await labels.allTextContents()).at(-1)).toBe("~ on-cpu manual/naive");
    });

    it("gives the numbers of times with the states and resolutions that qualify them", async () => {
      const cells = results().cells.map((one) => (one.backend === "on-cpu" ? withUnsettledTime(one) : one));
      const { page } = await open(results({ cells }));
      for (const [section, fields] of [
        ["matrix", "9 unsettled 0.15"],
        ["trade-off", "9 unsettled 0.15 false"],
        ["by-hand", "unsettled 0.15 false"],
        ["limit", "9 unsettled 0.15"],
      ] as const) {
        const numbers = page.locator(`#${section} figure > details`, { hasText: "Numbers" });
        await numbers.locator("> summary").click();
        const row = numbers.locator("tbody tr", { hasText: "on-cpu" }).first();
        // The joint resolution of two times is rounded.
        expect(plain(await row.innerText()).replace(/0\.15\d*/, "0.15"), section).toContain(fields);
      }
    });

    it("says so where a workload was not measured in a dtype", { tags: "nightly" }, async () => {
      const { page } = await open();
      await choice(page, "dtype").selectOption("float64");
      await choice(page, "My logits").selectOption("cifar-head");
      expect(await page.getByRole("main").innerText()).toContain(
        "No cell of cifar-head, float64 is shown here.",
      );
    });

    it("shows the map of a workload and dtype that a reader chooses in the table", {
      tags: "nightly",
    }, async () => {
      const { page } = await open();
      await rowOf(page, "seed-3200", "float64").getByRole("button").click();
      expect(await times(page)).toEqual(["12.0 ms"]);
      expect(await page.locator(".winner").innerText()).toMatch(/^seed-3200 float64: on-cpu manual\/fused/);
    });

    describe("its filters", () => {
      it("choose workload, dtype, backends and methods for the whole page", async () => {
        const { page } = await open();
        const filters = page.getByRole("form", { name: "Your case" });
        const cells = page.locator(".matrix button");
        expect(await cells.count()).toBe(6);
        await filters.getByText("More", { exact: true }).click();
        await filters.getByRole("checkbox", { name: "on-gpu" }).uncheck();
        expect(await cells.count()).toBe(4);
        expect(await answer(page)).toBe("on-cpu manual/fused");
        expect(await page.locator("#distributions").innerText()).not.toContain("on-gpu");
        await filters.getByRole("checkbox", { name: "autograd/naive" }).uncheck();
        expect(await times(page)).toEqual(["6.00 ms", "9.00 ms"]);
        expect(await page.locator("#by-hand").count()).toBe(0);
        expect(await page.locator("#trade-off [data-mark='dot'] *").count()).toBe(2);
        await choice(page, "dtype").selectOption("float64");
        expect(await times(page)).toEqual(["12.0 ms"]);
        await choice(page, "dtype").selectOption("float32");
        await choice(page, "My logits").selectOption("cifar-head");
        expect(await times(page)).toEqual(["20.0 µs"]);
        await filters.getByRole("group", { name: "Methods" }).getByRole("button").click();
        expect(await filters.getByRole("checkbox", { name: "autograd/naive" }).isChecked()).toBe(true);
        await filters.getByRole("group", { name: "Methods" }).getByRole("button").click();
        expect(await page.getByRole("heading", { level: 1 }).innerText()).toBe(
          "Every backend or every method is hidden.",
        );
      });

      it("have a bound that is a plain relative L2 error, or a number of unit roundoffs", {
        tags: "nightly",
      }, async () => {
        const { page } = await open();
        await page.getByText("More", { exact: true }).click();
        const field = page.getByRole("spinbutton");
        await choice(page, "of").selectOption("relative L2 error");
        expect(await field.inputValue()).toBe("9.5e-7");
        await field.fill("5e-7");
        await field.press("Enter");
        expect(await answer(page)).toBe("on-cpu manual/fused");
        expect(await page.locator(".legend").innerText()).toContain(
          "exceeds the bound (relative L2 error ≤ 5.0e-7, 8.4 unit roundoffs)",
        );
        expect(await page.evaluate(() => location.hash)).toBe("#error=relL2Plain&atMost=5e-7");
        await page.reload();
        expect(await answer(page)).toBe("on-cpu manual/fused");
        await page.getByText("More", { exact: true }).click();
        expect(await field.inputValue()).toBe("5e-7");
        await choice(page, "of").selectOption("unit roundoffs, relative L2");
        expect(await field.inputValue()).toBe("8.4");
      });

      it("take any number as a bound that is finite and not negative, and restore the last one otherwise", async () => {
        const { page } = await open();
        await page.getByText("More", { exact: true }).click();
        const field = page.getByRole("spinbutton");
        for (const [text, kept] of [
          [".5", "0.5"],
          ["1e-300", "1e-300"],
          ["-3", "1e-300"],
          ["", "1e-300"],
          ["1e300", "1e+300"],
        ] as const) {
          await field.fill(text);
          await field.press("Enter");
          expect(await field.inputValue()).toBe(kept);
        }
        await page.reload();
        await page.getByText("More", { exact: true }).click();
        expect(await field.inputValue()).toBe("1e+300");
      });

      it("are on the page once", async () => {
        const { page } = await open();
        await page.getByText("More", { exact: true }).click();
        expect(await page.getByRole("checkbox", { name: "on-gpu" }).count()).toBe(1);
        expect(await page.getByRole("combobox", { name: "Workload" }).count()).toBe(0);
      });

      it("choose one of several hosts", { tags: "nightly" }, async () => {
        const hosts = ["chromium", "firefox"].map((id) => ({
          id,
          status: "available" as const,
          runtime: { name: id, version: "1" },
        }));
        const { backends, cells } = results();
        const on = (host: string, factor: number) => ({
          backends: backends.slice(2).map((one) => ({ ...one, host })),
          cells: [cell("in-wasm", "manual/fused", { ms: 9 * factor, maxUlp: 3 }, { host })],
        });
        const [first, second] = [on("chromium", 1), on("firefox", 2)];
        const { page } = await open(
          results({
            hosts,
            distances: [],
            backends: [...backends, ...first.backends, ...second.backends],
            cells: [...cells, ...first.cells, ...second.cells],
          }),
        );
        expect(await choice(page, "Runs in").locator("option").allInnerTexts()).toEqual([
          ...["all hosts", "node", "chromium", "firefox"],
        ]);
        await choice(page, "Runs in").selectOption("firefox");
        expect(await times(page)).toEqual(["18.0 ms"]);
        expect(await page.getByRole("heading", { level: 1 }).innerText()).toMatch(
          /^in-wasm in firefox is the fastest/,
        );
      });

      it("say that a host measured nothing where it did not, and hide nothing", {
        tags: "nightly",
      }, async () => {
        const hosts = [{ id: "firefox", status: "available" as const }];
        const { backends } = results();
        const onFirefox = backends.slice(2).map((one) => ({ ...one, host: "firefox" }));
        const { page } = await open(results({ hosts, backends: [...backends, ...onFirefox] }));
        await choice(page, "Runs in").selectOption("firefox");
        expect(await page.getByRole("heading", { level: 1 }).innerText()).toBe(
          "No cell was measured in firefox.",
        );
        expect(await page.locator(":is(.winner, .trust)").count()).toBe(0);
      });

      it("leave the colors of backends as they are", { tags: "nightly" }, async () => {
        const { page } = await open();
        const dots = () =>
          page
            .locator("#trade-off [data-mark='dot'] *")
            .evaluateAll((all) => all.map((one) => one.getAttribute("fill")));
        const chip = () =>
          page
            .locator(".matrix thead th", { hasText: "in-wasm" })
            .evaluate((head) => getComputedStyle(head).borderBottomColor);
        const [before, chipBefore] = [await dots(), await chip()];
        expect(new Set(before).size).toBe(3);
        expect(before).toContain(chipBefore);
        await page.getByText("More", { exact: true }).click();
        await page.getByRole("checkbox", { name: "on-gpu" }).uncheck();
        const after = await dots();
        expect(after.length).toBe(4);
        for (const color of after) expect(before).toContain(color);
        expect(new Set(after).size).toBe(2);
        expect(await chip()).toBe(chipBefore);
      });
    });

    describe("its address", () => {
      const HOSTILE = {
        markup: "#workload=<img src=x onerror=alert(1)>&dtype=float8&host=nowhere&need=all",
        "broken escapes": "#%E0%A4%A&workload=%E0%A4%A",
      };
      const MORE_HOSTILE = {
        "a negative bound": "#atMost=-1&error=constructor&runsOn=__proto__",
        "an object's member": "#constructor",
        "no numbers": "#atMost=NaN&error=&dtype=__proto__",
        "unknown names": "#hideBackend=nobody&hideMethod=%3Cscript%3Ealert(1)%3C/script%3E",
        "a long text": `#workload=${"x".repeat(20_000)}`,
        "an element that is no section": "#app&atMost=1e999",
      };

      const hashOf = (page: Page) => page.evaluate(() => location.hash);
      const goTo = async (page: Page, hash: string) => {
        await page.goto(`${page.url().split("#")[0]}${hash}`);
        await page.reload();
        await page.locator(".matrix").waitFor();
      };

      it("holds what a reader chose, so that a view can be shared", async () => {
        const { page } = await open();
        expect(await hashOf(page)).toBe("");
        await choice(page, "dtype").selectOption("float64");
        await choice(page, "I need the gradient").selectOption("back in JavaScript");
        await choice(page, "Runs on").selectOption("CPU only, no native code");
        await page.getByText("More", { exact: true }).click();
        await page.getByRole("checkbox", { name: "manual/fused" }).uncheck();
        await page.getByRole("checkbox", { name: "on-gpu" }).uncheck();
        await choice(page, "of").selectOption("ULP, every entry");
        await page.getByRole("spinbutton").fill("5.5");
        await page.getByRole("spinbutton").press("Enter");
        const shared = await hashOf(page);

        const { page: other } = await open();
        await other.goto(`${other.url()}${shared}`);
        await other.reload();
        const value = (name: string) => choice(other, name).inputValue();
        expect(await value("dtype")).toBe("float64");
        expect(await value("I need the gradient")).toBe("roundtrip");
        expect(await value("Runs on")).toBe("both");
        await other.getByText(/^More/).click();
        expect(await other.getByRole("checkbox", { name: "manual/fused" }).isChecked()).toBe(false);
        expect(await other.getByRole("checkbox", { name: "on-gpu" }).isChecked()).toBe(false);
        expect(await other.getByRole("checkbox", { name: "on-cpu" }).isChecked()).toBe(true);
        expect(await value("of")).toBe("maxUlp");
        expect(await other.getByRole("spinbutton").inputValue()).toBe("5.5");
      });

      it("makes each choice a step that Back undoes", async () => {
        const { page } = await open();
        await choice(page, "My logits").selectOption("cifar-head");
        await choice(page, "Runs on").selectOption("CPU only");
        await page.goBack();
        await expect.poll(() => choice(page, "Runs on").inputValue()).toBe("any");
        expect(await times(page)).toEqual(["20.0 µs"]);
        await page.goBack();
        await expect.poll(() => choice(page, "My logits").inputValue()).toBe("seed-3200");
        await page.goForward();
        await expect.poll(() => choice(page, "My logits").inputValue()).toBe("cifar-head");
      });

      it("takes no step where a choice changes nothing", { tags: "nightly" }, async () => {
        const { page } = await open();
        const row = rowOf(page, "cifar-head").getByRole("button");
        await row.click();
        await row.click();
        await page.goBack();
        await expect.poll(() => choice(page, "My logits").inputValue()).toBe("seed-3200");
      });

      it("goes to a section, and keeps what was chosen", { tags: "nightly" }, async () => {
        const { page } = await open();
        await choice(page, "Runs on").selectOption("CPU only");
        await page.getByRole("link", { name: "Environment" }).click();
        expect(await hashOf(page)).toBe("#environment&runsOn=cpu");
        expect(await choice(page, "Runs on").inputValue()).toBe("cpu");
        await expect
          .poll(() => page.getByRole("heading", { name: "Environment" }).boundingBox())
          .toMatchObject({ y: expect.closeTo(0, -3) });
        expect(await page.evaluate(() => document.activeElement?.id)).toBe("environment-title");
        await goTo(page, "#environment");
        await expect.poll(() => page.evaluate(() => scrollY)).toBeGreaterThan(500);
      });

      const expectIgnored = async (hashes: Readonly<Record<string, string>>) => {
        const { page, complaints } = await open();
        const usual = plain(await page.getByRole("main").innerText());
        for (const [what, hash] of Object.entries(hashes)) {
          await goTo(page, hash);
          expect(plain(await page.getByRole("main").innerText()), what).toBe(usual);
          expect(await page.getByRole("button", { name: "As in report.md" }).count(), what).toBe(0);
          // Whatever came in does not stay.
          await choice(page, "Runs on").selectOption("CPU only");
          expect(await hashOf(page), what).toBe("#runsOn=cpu");
        }
        expect(complaints).toEqual([]);
      };
      it("ignores hostile values", () => expectIgnored(HOSTILE));
      it("ignores other hostile values", { tags: "nightly" }, () => expectIgnored(MORE_HOSTILE));
    });

    it("has contents in exactly the words of its headings", { tags: "nightly" }, async () => {
      const { page } = await open(
        results({ scaling: scaling(), precision: precision("on-cpu", "manual/fused") }),
      );
      const expectSame = async (count: number) => {
        const links = await page
          .getByRole("navigation", { name: "Contents" })
          .getByRole("link")
          .allInnerTexts();
        expect(links).toEqual(await page.locator("main section h2").allInnerTexts());
        expect(links.length).toBe(count);
      };
      await expectSame(9);
      // Without distances there is no section on them, and no link to it.
      await choice(page, "My logits").selectOption("cifar-head");
      await expectSame(8);
    });

    it("draws the best method of each backend first, and all of them on demand", {
      tags: "nightly",
    }, async () => {
      const { page } = await open();
      const limit = page.locator("#limit");
      const dots = limit.locator("[data-mark='dot'] *");
      expect(await dots.count()).toBe(2);
      const caption = limit.locator("figcaption");
      expect(await caption.innerText()).toMatch(/, the best method of each backend$/);
      await limit.getByRole("button", { name: "Expand for all 4" }).click();
      expect(await dots.count()).toBe(4);
      expect(await caption.innerText()).not.toContain("best method");
      await limit.getByRole("button", { name: "Only the best method of each backend" }).click();
      expect(await dots.count()).toBe(2);
    });

    it("draws a slower method of a backend that is within the bound before a faster one outside", {
      tags: "nightly",
    }, async () => {
      const far = cell("on-cpu", "manual/naive", { ms: 1, maxUlp: 900, relL2: 1e-3 });
      const { page } = await open(results({ cells: [...results().cells, far] }));
      const rows = await page.locator("#limit svg").first().textContent();
      expect(rows).toContain("on-cpu manual/fused");
      expect(rows).not.toContain("manual/naive");
    });

    it("calls a speed-up below 1 a slowdown", { tags: "nightly" }, async () => {
      const [distance] = results().distances as [Results["distances"][number]];
      const { page } = await open(results({ distances: [{ ...distance, speedup: 0.5 }] }));
      expect(await page.locator("#by-hand tbody tr").last().innerText()).toMatch(/2\.00× slowdown$/);
    });

    it("marks a speed-up that the run cannot tell from none", { tags: "nightly" }, async () => {
      const near = results().cells.map((one) =>
        one.backend === "on-cpu" && one.method === "autograd/naive"
          ? cell("on-cpu", "autograd/naive", { ms: 6.1, maxUlp: 4 })
          : one,
      );
      const [distance] = results().distances as [Results["distances"][number]];
      const { page } = await open(results({ cells: near, distances: [{ ...distance, speedup: 6.1 / 6 }] }));
      expect(await page.locator("#by-hand tbody tr").last().innerText()).toMatch(/= 1\.02×$/);
    });

    describe("a cell", () => {
      it("shows time and error, and the reason where there is neither", async () => {
        const { page } = await open();
        const cell = page.getByRole("button", { name: /^on-cpu autograd\/naive/ });
        expect(await cell.innerText()).toMatch(/^30\.0 ms\s+4\.0e-8$/);
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

    it("puts the original experiment's numbers beside ours", { tags: "nightly" }, async () => {
      const { page } = await open();
      const rows = await page.locator("#by-hand tbody tr").allInnerTexts();
      expect(rows[0]).toMatch(/PyTorch, 2017\s+float32\s+by hand\s+autograd\s+~1e-7/);
      expect(rows.at(-1)).toMatch(/on-cpu\s+float32\s+manual\/fused\s+autograd\/naive\s+9\.8e-8/);
    });

    it("tells how far each gradient is from the machine's copy bandwidth", { tags: "nightly" }, async () => {
      const { page } = await open();
      // 2 · 3200² · 4 bytes in 6 ms, of 20 GB/s.
      await page.locator("#limit details summary").click();
      expect(await page.locator("#limit tbody tr", { hasText: "on-cpu manual/fused" }).count()).toBe(0);
      const row = page.locator("#limit tbody tr", { hasText: "on-cpu" }).filter({ hasText: "manual/fused" });
      const share = Number((await row.locator("td").last().innerText()).trim());
      expect(share).toBeCloseTo((2 * 3200 ** 2 * 4) / 6e-3 / 2e10, 6);
    });

    it("tells how times grow, where threads pay, and what memory is held", { tags: "nightly" }, async () => {
      const grown = scaling();
      const series = grown.series.map((one) => ({
        ...one,
        points: one.points.map((point) => (point.rows === 1 ? { ...point, steadiness: "untested" } : point)),
      })) as typeof grown.series;
      const { page } = await openReport(browser(), [
        results({ cells: [], distances: [], scaling: { ...grown, series } }),
      ]);
      const section = page.locator("#scaling");
      // The smallest shape of both series is hollow.
      expect(await section.locator("[data-mark='dot'] circle[stroke]").count()).toBe(2);
      expect(await section.locator("[data-mark='dot'] circle[fill]").count()).toBe(4);
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

      it("draws a line over time for each cell, and warns where machines differ", {
        tags: "nightly",
      }, async () => {
        const other = { ...results().environment, cpu: "Another CPU" };
        const { page } = await open(results(), later("05", 1.01), later("06", 1.2, other));
        expect(await page.getByRole("img", { name: "Median times over 3 runs" }).count()).toBe(1);
        expect(await page.locator("#comparison").innerText()).toContain(
          "Times are not compared, since the machines differ: processor Some CPU → Another CPU",
        );
      });

      it("draws hollow in it what had not settled, or was measured on a busy machine", {
        tags: "nightly",
      }, async () => {
        const unsettled = later("05", 1.01);
        const state = { loadAverage: 2, windowNs: 1e9, otherCores: 1, steal: 0, spinNs: 1e6 };
        const busy = { ...later("06", 1.02), noise: { before: state, during: [state] } };
        const { page } = await open(
          later("04", 1),
          { ...unsettled, cells: unsettled.cells.map(withUnsettledTime) },
          busy,
        );
        const dots = page.locator("#comparison [data-mark='dot']");
        expect(await dots.locator("circle[stroke]").count()).toBe(2);
        expect(await dots.locator("circle[fill]").count()).toBe(1);
      });
    });

    it("shows what a run has cells for, whatever another one has, until the reader chooses", {
      tags: "nightly",
    }, async () => {
      const { run } = results();
      const other = results({
        run: { ...run, id: "20260102-000000-default" },
        cells: [
          cell(
            "on-cpu",
            "manual/fused",
            { ms: 7, maxUlp: 5, relL2: 4e-17 },
            { workload: "cifar-head", dtype: "float64" },
          ),
        ],
      });
      const { page } = await open(results(), other);
      expect(await choice(page, "My logits").inputValue()).toBe("seed-3200");
      await choice(page, "Run").selectOption({ label: "20260102-000000-default" });
      expect(await times(page)).toEqual(["7.00 ms"]);
      expect(await choice(page, "dtype").inputValue()).toBe("float64");
      await choice(page, "dtype").selectOption("float32");
      expect(await page.evaluate(() => location.hash)).toBe("#dtype=float32");
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
      expect(await times(page)).toEqual(["6.00 ms"]);
      await choice(page, "Run").selectOption({ label: "20260101-000000-default, machine 2" });
      expect(await times(page)).toEqual(["3.00 ms"]);
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
      await page.getByRole("heading", { level: 1, name: /^on-cpu is the fastest/ }).waitFor();
      expect(await page.locator(".about summary").innerText()).toContain("20260101-000000-default");
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
      it.each([["light", 1280]] as const)(claim, expectNoViolation);
      it.each([
        ["dark", 375],
        ["dark", 1280],
        ["light", 375],
      ] as const)(claim, { tags: "nightly" }, expectNoViolation);

      it("is reached by keyboard, all of it", async () => {
        const { page } = await open();
        const reached = new Set<string>();
        const nameOfFocus = () =>
          page.evaluate(() => {
            const { activeElement: at } = document;
            const label = at?.closest("label")?.childNodes[at.tagName === "SELECT" ? 0 : 1]?.textContent;
            return `${at?.tagName} ${at?.getAttribute("href") ?? label ?? at?.textContent}`.trim();
          });
        await page.getByText("More", { exact: true }).click();
        await page.getByRole("heading", { level: 1 }).click();
        for (let press = 0; press < 120; press++) {
          await page.keyboard.press("Tab");
          reached.add(await nameOfFocus());
        }
        const wanted = [
          ...["A #fastest", "A #environment", "SELECT Runs on", "SELECT I need the gradient"],
          ...["SUMMARY More", "BUTTON 2.00 ms 6.0e-7", "INPUT on-gpu", "INPUT autograd/naive"],
        ];
        for (const name of wanted) expect([...reached]).toContain(name);

        await page.getByRole("button", { name: /^on-gpu manual\/fused/ }).focus();
        await page.keyboard.press("ArrowRight");
        expect(await nameOfFocus()).toBe("BUTTON 6.00 ms 1.2e-7");
        await page.keyboard.press("ArrowDown");
        await page.keyboard.press("Alt+ArrowUp");
        expect(await nameOfFocus()).toBe("BUTTON 30.0 ms 4.0e-8");
        await page.keyboard.press("Enter");
        expect(await page.getByRole("article", { name: /^on-cpu autograd\/naive/ }).count()).toBe(1);
      });

      it("has a map that Tab reaches where its first place is empty, and arrow keys skip what is empty", {
        tags: "nightly",
      }, async () => {
        const { page } = await open(
          results({
            cells: [
              cell("on-gpu", "manual/fused", { ms: 1, maxUlp: 4 }),
              cell("on-cpu", "manual/shifted", { ms: 2, maxUlp: 4 }),
              cell("in-wasm", "manual/fused", { ms: 3, maxUlp: 4 }),
              cell("on-gpu", "manual/naive", { ms: 4, maxUlp: 4 }),
            ],
          }),
        );
        const focused = () => page.evaluate(() => document.activeElement?.getAttribute("aria-label") ?? "");
        const reached = page.locator(".matrix button[tabindex='0']");
        await page.getByRole("button", { name: /^on-gpu manual\/fused/ }).focus();
        await page.keyboard.press("ArrowRight");
        expect(await focused()).toMatch(/^in-wasm manual\/fused/);
        expect(await reached.count()).toBe(1);
        // The place of the focus leaves the map.
        await page.getByText("More", { exact: true }).click();
        await page.getByRole("checkbox", { name: "in-wasm" }).uncheck();
        await page.getByRole("checkbox", { name: "manual/fused" }).uncheck();
        expect(await reached.count()).toBe(1);
        expect(await page.getByRole("table", { name: "Map of backends and methods" }).count()).toBe(1);
      });

      it("can be printed: the answers stay, the controls go", { tags: "nightly" }, async () => {
        const { page } = await open();
        await page.emulateMedia({ media: "print" });
        expect(await page.locator(".controls").first().isVisible()).toBe(false);
        expect(await page.getByRole("heading", { level: 1 }).isVisible()).toBe(true);
        expect(await page.locator(".matrix button").first().isVisible()).toBe(true);
        expect(await page.locator("#fastest tbody tr").first().isVisible()).toBe(true);
        expect((await page.pdf({ format: "A4" })).length).toBeGreaterThan(20_000);
      });
    });

    it("is smaller than 1 MB without data", () => {
      expect(template().length).toBeLessThan(1e6);
    });

    it("shows 5,000 cells", { tags: "nightly" }, async () => {
      const { page } = await open(results({ cells: manyCells(), workloads: [] }));
      await page.locator("#trade-off svg").first().waitFor();
      expect(await page.locator("#fastest tbody tr").count()).toBe(50);
    });
  });
}
