import { spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Results } from "@softmax-bench/core";
import { parseResults } from "@softmax-bench/core/results";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PlannedCell } from "../dist/plan/plan.js";
import { measureCopyBandwidth } from "../dist/run/machine/measure-copy-bandwidth.js";
import { needsBandwidth } from "../dist/run/needs-bandwidth.js";
import { call, onlyRun, run, start, temporaryFolder } from "./support/cli.js";

const TINY = ["--profile", "smoke", "--backend", "tfjs-wasm", "--method", "manual/*", "--workload", "8x4"];

/** The runs that a page was made with. */
function embeddedIn(html: string): { name: string; results: Results }[] {
  const json = /<script type="application\/json" id="runs"[^>]*>(.*?)<\/script>/s.exec(html)?.[1] ?? "";
  return (JSON.parse(json) as { name: string; results: unknown }[]).map(({ name, results }) => ({
    name,
    results: parseResults(JSON.stringify(results)),
  }));
}

/** One run for all tests. */
const out = mkdtempSync(join(tmpdir(), "softmax-bench-test-"));
let finished: ReturnType<typeof onlyRun>;
/** Its output. */
let printed = "";

beforeAll(() => {
  const main = fileURLToPath(new URL("../dist/main.js", import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, "bench", ...TINY, "--out", out], {
    encoding: "utf8",
  });
  expect(stderr).toContain("results.json, report.md and report.html");
  expect(status).toBe(0);
  finished = onlyRun(out);
  printed = stdout;
});
afterAll(() => rmSync(out, { recursive: true }));

describe("pnpm bench", () => {
  it("writes a page with its results next to them", () => {
    const [embedded] = embeddedIn(readFileSync(join(finished.path, "report.html"), "utf8"));
    expect(embedded).toEqual({ name: finished.id, results: finished.results() });
  });
});

describe("the copy bandwidth", () => {
  /** From a slow board to a server; a copy that no cache holds is neither slower nor faster. */
  function expectPlausible(measured: Results["environment"]["copyBandwidth"], cores: number): void {
    expect(measured?.map(({ threads }) => threads)).toEqual(cores > 1 ? [1, cores] : [1]);
    for (const { bytesPerSecond } of measured ?? []) {
      expect(bytesPerSecond).toBeGreaterThan(5e8);
      expect(bytesPerSecond).toBeLessThan(2e12);
    }
  }

  it("is what the machine copies, with one thread and with all", async () => {
    const { cores } = finished.results().environment;
    expectPlausible(await measureCopyBandwidth(cores), cores);
  });

  it("is not measured for gradients that stay in the cache", () => {
    const { cacheBytes, copyBandwidth } = finished.results().environment;
    expect(copyBandwidth === undefined).toBe(cacheBytes !== undefined);
  });

  it("is measured for gradients that leave the cache", { tags: "nightly" }, async () => {
    const { cores, cacheBytes = 0 } = finished.results().environment;
    const folder = temporaryFolder();
    const large = ["--workload", `${Math.ceil(cacheBytes / 8000) + 1}x1000`, "--out", folder];
    const cell = ["--backend", "wasm-simd", "--method", "manual/fused", "--dtype", "float32"];
    const { code, stderr } = await call("bench", ["--profile", "smoke", ...cell, ...large]);
    expect(code, stderr).toBe(0);
    expectPlausible(onlyRun(folder).results().environment.copyBandwidth, cores);
  });
});

describe("needsBandwidth", () => {
  const cell = (rows: number, classes: number): PlannedCell => ({
    backend: "b",
    method: "manual/naive",
    dtype: "float64",
    workload: { id: "", summary: "", rows, classes, scale: 1, margin: 0, labels: "uniform" },
  });
  const series = { backend: "b", method: "manual/naive", dtype: "float32", threads: 1 } as const;

  it.each<[string, PlannedCell[], boolean]>([
    ["no cell", [], false],
    ["logits and gradient that just fit", [cell(64, 1024)], false],
    ["one cell of several that does not fit", [cell(1, 2), cell(64, 1025)], true],
  ])("of %s", (_, cells, expected) => {
    expect(needsBandwidth({ cells, series: [] }, undefined, 2 ** 20)).toBe(expected);
  });

  it("of series is that of their largest shape", () => {
    const plan = { cells: [], series: [series] };
    const ofShapes = (rows: number[]) =>
      needsBandwidth(plan, { rows, classes: [1024], threads: [1] }, 2 ** 20);
    expect(ofShapes([1, 128])).toBe(false);
    expect(ofShapes([1, 129])).toBe(true);
  });

  it("is true of any cell where the size of the cache is not known", () => {
    expect(needsBandwidth({ cells: [cell(1, 2)], series: [] }, undefined)).toBe(true);
  });
});

describe("pnpm report", () => {
  it.each([
    ["the latest run", () => []],
    ["a run by its id", () => [finished.id]],
    ["a run by its folder", () => [finished.path]],
  ])("rebuilds the reports of %s", async (_, names) => {
    const page = join(finished.path, "report.html");
    writeFileSync(page, "lost");
    writeFileSync(join(finished.path, "report.md"), "lost");
    const { code, stderr } = await call("report", [...names(), "--out", out]);
    expect([code, stderr.trim()]).toEqual([0, `wrote ${page}`]);
    expect(embeddedIn(readFileSync(page, "utf8"))).toHaveLength(1);
    expect(readFileSync(join(finished.path, "report.md"), "utf8")).toContain("manual/fused");
  });

  it("makes one page of several, from any files", async () => {
    const folder = temporaryFolder();
    const [file, html] = [join(folder, "elsewhere.json"), join(folder, "compared.html")];
    cpSync(join(finished.path, "results.json"), file);
    const { code } = await call("report", [file, finished.id, "--out", out, "--html", html]);
    expect(code).toBe(0);
    expect(embeddedIn(readFileSync(html, "utf8")).map(({ name }) => name)).toEqual([
      "elsewhere.json",
      finished.id,
    ]);
  });

  it("prints the answers of a run, as bench does at its end, and every cell with --full", async () => {
    const brief = await call("report", [finished.id, "--out", out]);
    expect([brief.code, brief.stdout]).toEqual([0, printed]);
    const full = await call("report", [finished.id, "--out", out, "--full"]);
    const measured = finished.results().cells.filter(({ status }) => status === "ok");
    for (const { method } of measured) expect(full.stdout).toContain(`tfjs-wasm  ${method}`);
  });

  it("says that nothing opened the page where there is no browser", async () => {
    const { code, stderr } = await call("report", [finished.id, "--out", out, "--open"], {
      env: { PATH: "/nowhere" },
    });
    expect(code).toBe(0);
    expect(stderr).toContain(`no browser opened ${join(finished.path, "report.html")}`);
  });

  const damaged = (text: string): string => {
    const file = join(temporaryFolder(), "results.json");
    writeFileSync(file, text);
    return file;
  };

  it.each<[string, () => string[], RegExp]>([
    [
      "no such run",
      () => ["nothing"],
      /no run, baseline, file or git revision with a run "nothing" in .*; there are 20/,
    ],
    ["not JSON", () => [damaged("{")], /results\.json is not a results file: not JSON/],
    ["something else", () => [damaged(`{"schemaVersion":1}`)], /results\.json is not a results file: run: /],
    ["a later version", () => [damaged(`{"schemaVersion":9}`)], /schemaVersion: 9, and this program reads 1/],
    [
      "an invalid place",
      () => [finished.id, "--html", "/nowhere/page.html"],
      /cannot write the page to "\/nowhere\/page.html": ENOENT.*; choose another --html/,
    ],
    [
      "results for a page",
      () => [finished.id, "--html", join(finished.path, "results.json")],
      /results.json is there and not a page of before/,
    ],
    ["a folder for a page", () => [finished.id, "--html", out], /is there and not a page of before/],
    ["a port without a server", () => ["--port", "80"], /--port is that of --serve/],
    ["several to serve", () => [finished.id, finished.id, "--serve"], /--serve shows one run, got 2/],
    ["a page to serve", () => ["--serve", "--html", "a.html"], /leave out --html/],
    ["several to print in full", () => [finished.id, finished.id, "--full"], /--full prints one run/],
    ["a server with --full", () => ["--serve", "--full"], /--serve prints none/],
    ["an invalid port", () => ["--serve", "--port", "70000"], /a number up to 65535, got 70000/],
  ])("takes %s for a mistake: one line, exit code 2, nothing written", async (_, argv, message) => {
    const { code, stdout, stderr } = await call("report", ["--out", out, ...argv()]);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect([code, stdout]).toEqual([2, ""]);
  });
});

interface Answer {
  readonly status: number | undefined;
  readonly type: string | undefined;
  readonly body: string;
}

/** A request as it is: nothing tidies up its path. */
const ask = (url: string, path: string, headers: Record<string, string> = {}): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    get({ hostname, port, path, headers }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (part) => {
        body += part;
      });
      response.on("end", () =>
        resolve({ status: response.statusCode, type: response.headers["content-type"], body }),
      );
    }).on("error", reject);
  });

async function serving<T>(folder: string, use: (url: string) => Promise<T>): Promise<T> {
  const server = start(["report", "--serve", "--out", folder]);
  const said = server.child.stdout ? await once(server.child.stdout, "data") : [];
  try {
    return await use(String(said[0]).trim());
  } finally {
    server.child.kill("SIGINT");
    expect((await server.ended).code).toBe(0);
  }
}

describe("pnpm report --serve", () => {
  it("shows the run, and what else is in its folder", async () => {
    await serving(out, async (url) => {
      const page = await ask(url, "/");
      expect(page.type).toContain("text/html");
      expect(page.body).toContain("connect-src 'self'");
      expect(embeddedIn(page.body)[0]?.results.cells).toEqual(finished.results().cells);
      expect((await ask(url, "/report.md")).body).toContain("manual/fused");
      expect(parseResults((await ask(url, "/results.json")).body).cells).toHaveLength(
        finished.results().cells.length,
      );
    });
  });

  it("serves nothing else, and to nobody else", async () => {
    const folder = temporaryFolder();
    const path = join(folder, finished.id);
    mkdirSync(path);
    cpSync(finished.path, path, { recursive: true });
    writeFileSync(join(folder, "secret.md"), "secret");
    symlinkSync(join(folder, "secret.md"), join(path, "link.md"));
    await serving(folder, async (url) => {
      const paths = [
        "/../secret.md",
        "/%2e%2e/secret.md",
        "/..%2fsecret.md",
        "/link.md",
        "/journal.jsonl",
        "//etc/passwd",
      ];
      for (const wanted of paths) {
        expect({ wanted, ...(await ask(url, wanted)) }).toMatchObject({ wanted, status: 404 });
      }
      const { port } = new URL(url);
      for (const host of [
        "evil.example",
        `evil.example:${port}`,
        "127.0.0.1",
        `127.0.0.1.evil.example:${port}`,
      ]) {
        expect(await ask(url, "/", { host })).toMatchObject({ status: 421 });
      }
      expect(await ask(url, "/", { host: `localhost:${port}` })).toMatchObject({ status: 200 });
      const posted = await fetch(url, { method: "POST" });
      expect(posted.status).toBe(405);
    });
  });

  it("tells a page of a run that is going on what has come since", async () => {
    const folder = temporaryFolder();
    const running = start(["bench", ...TINY.slice(0, -1), "64x1000", "--method", "*/*", "--out", folder]);
    await running.says("[1/");
    await serving(folder, async (url) => {
      const events = await fetch(new URL("events", url));
      const reader = events.body?.pipeThrough(new TextDecoderStream()).getReader();
      let heard = "";
      while (!heard.includes("data: changed")) heard += (await reader?.read())?.value ?? "data: changed";
      const results = parseResults((await ask(url, "/results.json")).body);
      expect(results.cells.length).toBeGreaterThan(0);
      await running.ended;
      const last = parseResults((await ask(url, "/results.json")).body);
      expect(last.run.status).toBe("complete");
      await reader?.cancel();
    });
    expect(existsSync(onlyRun(folder).path)).toBe(true);
  });

  it("needs a port that is free", async () => {
    await serving(out, async (url) => {
      const { code, stderr } = await call("report", ["--serve", "--out", out, "--port", new URL(url).port]);
      expect(stderr).toMatch(/cannot serve on port \d+: .*EADDRINUSE/);
      expect(code).toBe(2);
    });
  });
});

describe("reports of one run, made by many processes at once", () => {
  /** Copies of the run in a folder of their own. */
  const copyOfRun = () => {
    const copies = temporaryFolder();
    cpSync(finished.path, join(copies, finished.id), { recursive: true });
    return { copies, path: join(copies, finished.id) };
  };

  const expectWhole = async (count: number) => {
    const { copies, path } = copyOfRun();
    const before = readdirSync(path).sort();
    const ended = await Promise.all(
      Array.from({ length: count }, () => run("report", ["latest", "--out", copies])),
    );
    expect(ended.filter(({ code }) => code !== 0).map(({ stderr }) => stderr)).toEqual([]);
    expect(readdirSync(path).sort()).toEqual(before);
    expect(embeddedIn(readFileSync(join(path, "report.html"), "utf8"))).toEqual([
      { name: finished.id, results: finished.results() },
    ]);
  };
  const claim = "all succeed, and leave a whole page and nothing else: %i of them";
  it.each([3])(claim, expectWhole);
  it.each([12])(claim, { tags: "nightly" }, expectWhole);

  it("are not disturbed by the run that is continued meanwhile", { tags: "nightly" }, async () => {
    const { copies, path } = copyOfRun();
    const reports = Array.from({ length: 2 }, () => run("report", ["latest", "--out", copies]));
    const resumes = Array.from({ length: 2 }, () => run("bench", ["--resume", "latest", "--out", copies]));
    expect((await Promise.all(reports)).filter(({ code }) => code !== 0)).toEqual([]);
    for (const { code, stderr } of await Promise.all(resumes)) {
      if (code !== 0) expect(stderr).toMatch(/^bench: .*journal\.jsonl is in use/);
    }
    expect(readdirSync(path).filter((name) => name.endsWith(".partial"))).toEqual([]);
  });

  it("remove what a killed one left, and touch no other file", async () => {
    const { copies, path } = copyOfRun();
    writeFileSync(join(path, "report.html.4711.partial"), "<!doctype");
    writeFileSync(join(path, "notes.partial"), "mine");
    expect((await call("report", ["latest", "--out", copies])).code).toBe(0);
    expect(readdirSync(path)).toContain("notes.partial");
    expect(readdirSync(path)).not.toContain("report.html.4711.partial");
  });
});
