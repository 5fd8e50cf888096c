import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Results } from "@softmax-bench/core";
import { parseResults } from "@softmax-bench/core/results";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { expectMeasured } from "../../page/test/support/judge.js";
import { browsers, measureBy, reportMissing } from "../../page/test/support/visitor.js";
import { call, onlyRun, start, temporaryFolder } from "./support/cli.js";

const TINY = ["--profile", "smoke", "--backend", "wasm-simd", "--method", "manual/fused"];

/** The work of visitors: with threads, and in few methods. */
const BACKENDS = ["wasm-simd"];

/** One run for all tests. */
const finished = mkdtempSync(join(tmpdir(), "softmax-bench-test-"));
beforeAll(async () => {
  const { code, stderr } = await call("bench", [...TINY, "--workload", "8x4", "--out", finished]);
  expect(code, stderr).toBe(0);
});
afterAll(() => rmSync(finished, { recursive: true }));

/** A folder with that run, which is served. @returns the folder, the run's id, and the first printed address */
async function serveOneRun(...flags: string[]): Promise<{ out: string; id: string; url: string }> {
  const out = temporaryFolder();
  cpSync(finished, out, { recursive: true });
  const { id } = onlyRun(out);
  const server = start(["report", "--serve", "--out", out, ...flags]);
  onTestFinished(async () => {
    server.child.kill("SIGINT");
    expect((await server.ended).code).toBe(0);
  });
  const said = server.child.stdout ? await once(server.child.stdout, "data") : [];
  return { out, id, url: String(said[0]).split("\n", 1)[0] as string };
}

/** The runs of a folder besides one. */
const others = (out: string, id: string) => readdirSync(out).filter((name) => name !== id);

const resultsIn = (out: string, id: string): Results =>
  parseResults(readFileSync(join(out, id, "results.json"), "utf8"));

/** The address of the visitors' page, with its token. */
const visitorsPage = async (url: string): Promise<string> => (await fetch(new URL("measure/", url))).url;

const MACHINE = {
  name: "board",
  userAgent: "Mozilla/5.0 (Hostile; rv:1) Gecko/1 Firefox/1.0",
  cores: 2,
  isIsolated: true,
  clockStepNs: 5000,
};
const REQUEST = { profile: "smoke", backends: ["wasm-simd"], machine: MACHINE };

const newId = (): string => randomBytes(16).toString("hex");

interface Asked {
  readonly signal?: AbortSignal;
  /** The page's name for its request. */
  readonly id?: string;
  /** Lines of the answer that the page has. */
  readonly after?: number | string;
}

const ask = (
  page: string,
  request: unknown,
  { signal, id = newId(), after = 0 }: Asked = {},
): Promise<Response> =>
  fetch(new URL(`run?id=${id}&after=${after}`, page), {
    method: "POST",
    body: typeof request === "string" ? request : JSON.stringify(request),
    ...(signal ? { signal } : {}),
  });

type Event = {
  readonly type: string;
  readonly path?: string;
  readonly reason?: string;
  readonly run?: string;
};

/** The events that a visitor's page is sent. */
async function* eventsOf({ body }: Response): AsyncGenerator<Event> {
  let rest = "";
  for await (const text of body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) yield JSON.parse(line);
  }
}

async function allOf(events: AsyncIterable<Event>): Promise<Event[]> {
  const all: Event[] = [];
  for await (const event of events) all.push(event);
  return all;
}

describe.each(browsers)("a visitor with $kind", (found) => {
  const { kind, browser } = found;
  if (!browser) return reportMissing(found);

  const options = kind === "chromium" ? {} : { tags: "nightly" };
  it(
    "is measured from the page of the run, which lists the result, while connections are cut",
    options,
    async () => {
      const { out, id, url } = await serveOneRun();
      expect(await (await fetch(url)).text()).toContain("Measure this browser");
      const { said, isIsolated } = await measureBy(browser, await visitorsPage(url), BACKENDS, 1500);
      const [visitor = "", ...more] = others(out, id);
      expect(more).toEqual([]);
      expect(said).toBe(`Done. The report lists it as ${visitor}.`);
      expect(isIsolated).toBe(true);
      const results = resultsIn(out, visitor);
      expectMeasured(results, kind, BACKENDS);
      expect(results.run.id).toBe(visitor);
      expect(results.environment.node).toBe(process.version);
      expect(readdirSync(join(out, visitor)).sort()).toEqual(["report.html", "report.md", "results.json"]);
      const page = await (await fetch(url)).text();
      expect(page).toContain(`{"name":"${id}","results":`);
      expect(page).toContain(`{"name":"${visitor}","results":`);
    },
  );
});

describe("a server of other machines", () => {
  it("answers to nobody without the token of the printed address", async () => {
    const { url } = await serveOneRun("--host", "0.0.0.0");
    const { origin, pathname } = new URL(url);
    expect(pathname).toMatch(/^\/[0-9a-f]{32}\/$/);
    const wrong = `/${"0".repeat(32)}`;
    for (const path of ["", "measure/", "results.json", "events", "report.md", "measure/run"]) {
      for (const prefix of ["/", `${wrong}/`]) {
        const { status } = await fetch(origin + prefix + path, { redirect: "manual" });
        expect({ path: prefix + path, status }).toMatchObject({ status: 404 });
      }
    }
    const posted = await fetch(`${origin}/measure/run`, { method: "POST", body: JSON.stringify(REQUEST) });
    expect(posted.status).toBe(404);
    for (const path of ["", "results.json", "report.md", "measure/"]) {
      const { status } = await fetch(url + path);
      expect({ path, status }).toMatchObject({ status: 200 });
    }
  });

  it("is asked for by name", async () => {
    const { code, stderr } = await call("report", ["--serve", "--host", "192.168.0.1"]);
    expect(stderr).toMatch(
      /--host takes 127.0.0.1 for this machine or 0.0.0.0 for its networks, got "192.168.0.1"/,
    );
    expect(code).toBe(2);
    expect((await call("report", ["--host", "0.0.0.0"])).stderr).toMatch(/--host is that of --serve/);
  });
});

describe("a visitor that means harm", () => {
  it("is refused in a line, and nothing is written", async () => {
    const { out, id, url } = await serveOneRun();
    const page = await visitorsPage(url);
    const machine = (fields: object) => ({ ...REQUEST, machine: { ...MACHINE, ...fields } });
    for (const [request, problem] of [
      ["{", /expected a request in JSON/],
      [{ ...REQUEST, profile: "../../etc" }, /profile: expected "smoke" or "default"/],
      [{ ...REQUEST, profile: "full" }, /profile: expected "smoke" or "default"/],
      [{ ...REQUEST, backends: ["../secret"] }, /backends/],
      [{ ...REQUEST, backends: [] }, /backends/],
      [{ ...REQUEST, out: "/tmp" }, /there is no field "out"/],
      [machine({ name: "x".repeat(100) }), /machine.name/],
      [machine({ cores: 1e9 }), /machine.cores/],
      [machine({ clockStepNs: -1 }), /machine.clockStepNs/],
    ] as const) {
      const response = await ask(page, request);
      expect({ request, status: response.status, body: await response.text() }).toMatchObject({
        status: 400,
        body: expect.stringMatching(problem),
      });
    }
    for (const id of ["", "x".repeat(32), "0".repeat(33)]) {
      const response = await ask(page, REQUEST, { id });
      expect({ id, status: response.status }).toEqual({ id, status: 400 });
    }
    const unknown = await ask(page, { ...REQUEST, backends: ["constructor"] });
    expect(await eventsOf(unknown).next()).toMatchObject({
      value: { type: "failed", reason: expect.stringContaining("expected backends among") },
    });
    for (const path of ["measure/..%2f..%2fpackage.json", "measure/%2e%2e/index.html", "measure/run"]) {
      const { status } = await fetch(page.replace("measure/", path));
      expect({ path, status }).toMatchObject({ status: 404 });
    }
    // A page of another site does not learn the token, and cannot begin a run.
    expect((await fetch(new URL("measure/run", url), { method: "POST", body: "{}" })).status).toBe(405);
    const isTaken = ask(page, "x".repeat(2 ** 20)).then(
      ({ ok }) => ok,
      () => false,
    );
    expect(await isTaken).toBe(false);
    expect(others(out, id)).toEqual([]);
  });

  it("costs its own run only, whatever its page replies", async () => {
    const { out, id, url } = await serveOneRun();
    const page = await visitorsPage(url);
    const response = await ask(page, REQUEST);
    let opened = 0;
    let last: Event | undefined;
    for await (const event of eventsOf(response)) {
      last = event;
      if (event.type !== "open" || !event.path) continue;
      opened++;
      const frame = new URL(event.path, page);
      const requests = await fetch(new URL("requests?after=0", frame));
      await fetch(new URL("replies?to=1", frame), {
        method: "POST",
        body: JSON.stringify({ type: "opened", engine: { name: "\u001b[2J", version: "<script>" } }),
      });
      // It may have been cut off already.
      await requests.body?.cancel().catch(() => {});
    }
    // A backend that does not start is tried twice.
    expect(opened).toBe(2);
    expect(last).toMatchObject({ type: "done" });
    const [visitor = ""] = others(out, id);
    expect(visitor).toMatch(/^\d{8}-\d{6}-smoke$/);
    const { backends, cells } = resultsIn(out, visitor);
    expect(backends).toMatchObject([
      { status: "unavailable", reason: expect.stringContaining("invalid reply") },
    ]);
    expect(new Set(cells.map(({ status }) => status))).toEqual(new Set(["unsupported"]));
  });

  it("that sends more results than any task has is cut off", { tags: "nightly" }, async () => {
    const { url } = await serveOneRun();
    const page = await visitorsPage(url);
    const gone = new AbortController();
    const response = await ask(page, REQUEST, { signal: gone.signal });
    for await (const { type, path } of eventsOf(response)) {
      if (type !== "open" || !path) continue;
      const sent = fetch(new URL("results?to=1", new URL(path, page)), {
        method: "POST",
        body: new Uint8Array(2 ** 27 + 1),
      });
      await expect(sent.then(({ ok }) => ok).catch(() => false)).resolves.toBe(false);
      break;
    }
    gone.abort();
  });

  it("that leaves is forgotten, and the next one is measured", async () => {
    const { out, id, url } = await serveOneRun();
    const page = await visitorsPage(url);
    const gone = new AbortController();
    const first = await ask(page, REQUEST, { signal: gone.signal });
    await eventsOf(first).next();
    expect((await ask(page, REQUEST)).status).toBe(409);
    gone.abort();
    await expect.poll(async () => (await ask(page, { ...REQUEST, backends: ["none"] })).status).toBe(200);
    expect(others(out, id)).toEqual([]);
  });
});

describe("a visitor whose connection is cut", () => {
  const stop = (page: string, id: string) => fetch(new URL(`stop?id=${id}`, page), { method: "POST" });

  it("receives the rest when it asks again, also after the end, and nothing twice", async () => {
    const { url } = await serveOneRun();
    const page = await visitorsPage(url);
    const id = newId();
    const cut = new AbortController();
    const { value: begun } = await eventsOf(await ask(page, REQUEST, { id, signal: cut.signal })).next();
    expect(begun).toMatchObject({ type: "open" });
    cut.abort();
    const rest = eventsOf(await ask(page, REQUEST, { id, after: 1 }));
    expect((await ask(page, REQUEST)).status).toBe(409);
    await stop(page, id);
    const received = await allOf(rest);
    expect(received.at(-1)).toMatchObject({ type: "failed", reason: "it was stopped" });
    expect(received).not.toContainEqual(begun);
    const whole = await allOf(eventsOf(await ask(page, REQUEST, { id, after: "none" })));
    expect(whole).toEqual([begun, ...received]);
  });

  it("does not keep others waiting once it has stopped its run", async () => {
    const { out, id: finishedId, url } = await serveOneRun();
    const page = await visitorsPage(url);
    const id = newId();
    const first = eventsOf(await ask(page, REQUEST, { id }));
    await first.next();
    expect((await stop(page, newId())).status).toBe(204);
    expect((await ask(page, REQUEST)).status).toBe(409);
    expect((await stop(page, id)).status).toBe(204);
    await allOf(first);
    expect((await ask(page, { ...REQUEST, backends: ["none"] })).status).toBe(200);
    expect(others(out, finishedId)).toEqual([]);
  });
});
