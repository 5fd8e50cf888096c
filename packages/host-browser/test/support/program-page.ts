/**
 * The script of a page whose program a test runs in a browser. What is tested is not the network: a part that does not load, as when the
 * machine's network changes, has the page loaded again, and a report is sent until it is answered.
 */

/** Runs in the page, before its program. */
function prepare(address: string): void {
  const RELOADS = 10;
  const MISSING = /Failed to fetch|NetworkError|dynamically imported module/;
  const pause = () => new Promise((resolve) => setTimeout(resolve, 200));
  const send = async (body: string): Promise<void> => {
    for (;;) {
      try {
        await fetch(address, { method: "POST", body });
        return;
      } catch {
        await pause();
      }
    }
  };
  const fail = async (reason: string): Promise<void> => {
    const count = Number(new URLSearchParams(location.search).get("again"));
    await pause();
    if (count < RELOADS) location.replace(`?again=${count + 1}`);
    else await send(JSON.stringify({ error: reason }));
  };
  const report = (text: string) => (MISSING.test(text) ? fail(text) : send(text));
  const reportOf = (worker: Worker) => {
    worker.addEventListener("message", ({ data }) => report(data));
    worker.addEventListener("error", ({ message }) => fail(message ?? "its worker does not load"));
  };
  addEventListener(
    "error",
    ({ message, target }) => {
      void fail(target instanceof HTMLScriptElement ? `${target.src} does not load` : message);
    },
    true,
  );
  Object.assign(globalThis, { report, reportOf });
}

/**
 * Adds to a page: `report(text)` sends the report of its program, and `reportOf(worker)` that of a worker, which is its message.
 *
 * @param address receives reports
 */
export const asProgramPage = (html: string, address: string): string =>
  html.replace(
    "<!doctype html>",
    (doctype) => `${doctype}\n<script>(${prepare})(${JSON.stringify(address)})</script>`,
  );
