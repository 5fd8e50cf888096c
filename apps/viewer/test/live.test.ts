import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { formatResults } from "@softmax-bench/core/results";
import { renderPage } from "@softmax-bench/report";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { openPage } from "../../../packages/host-browser/test/support/open-page.js";
import { template, useBrowser, whyNoBrowser } from "./support/browser.js";
import { results } from "./support/results.js";

const { cells, run, ...rest } = results();

const STATE = { loadAverage: 0, windowNs: 1e9, otherCores: 0, steal: 0, spinNs: 1e6 };

/** A run that has come so far. @param isOver false while further processes measure its cells again */
const after = (count: number, isOver = false) => ({
  ...rest,
  noise: { before: STATE, during: [], ...(isOver ? { after: STATE } : {}) },
  run: { ...run, status: count < cells.length ? ("interrupted" as const) : ("complete" as const) },
  cells: cells.slice(0, count),
});

if (whyNoBrowser) {
  it.skipIf(!process.env.CI)(whyNoBrowser, () => expect.fail(whyNoBrowser));
} else {
  describe("a page that is served while a run goes on", () => {
    const browser = useBrowser();

    it("shows what has come since, and keeps what the reader chose", async () => {
      let done = 2;
      let isOver = false;
      const listeners = new Set<ServerResponse>();
      const server = createServer((request, response) => {
        if (request.url === "/events") {
          listeners.add(response.writeHead(200, { "content-type": "text/event-stream" }));
          response.write(":\n\n");
        } else if (request.url === "/results.json") {
          response.end(formatResults(after(done, isOver)));
        } else {
          const html = renderPage(template(), [{ name: "live", results: after(done) }], { live: true });
          response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(html);
        }
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      onTestFinished(() => {
        server.closeAllConnections();
        server.close();
      });
      const page = await browser().newPage();
      const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
      await openPage(page, address, "[role=status]");
      const status = page.getByRole("status");
      expect(await status.innerText()).toBe("Running: 2 of 7 cells");
      const runsOn = page.getByRole("combobox", { name: "Runs on" });
      await runsOn.selectOption("CPU only");

      await vi.waitFor(() => expect(listeners.size).toBe(1), 60_000);
      done = 4;
      for (const listener of listeners) listener.write("data: changed\n\n");
      await page.getByText("Running: 4 of 7 cells").waitFor();
      expect(await runsOn.inputValue()).toBe("cpu");

      // What changes while the connection is cut is shown when it is made again.
      done = 5;
      for (const listener of listeners) listener.destroy();
      await page.getByText("Running: 5 of 7 cells").waitFor();

      done = cells.length;
      for (const listener of listeners) listener.write("data: changed\n\n");
      await page.getByText(`Running: ${cells.length} of ${run.cellsPlanned} cells`).waitFor();
      expect(await page.getByRole("heading", { level: 1 }).innerText()).toContain("fastest so far");

      isOver = true;
      for (const listener of listeners) listener.write("data: changed\n\n");
      await status.waitFor({ state: "detached" });
      expect(await page.locator(".matrix button").count()).toBe(4);

      server.closeAllConnections();
      server.close();
      await page
        .getByText("The connection to report --serve is lost: the page shows the last state received.")
        .waitFor();
      await page.close();
    });
  });
}
