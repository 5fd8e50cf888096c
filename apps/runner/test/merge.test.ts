import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { busyMachine, cellKey, type Results, resultsOfMachine } from "@softmax-bench/core";
import { formatResults, parseResults } from "@softmax-bench/core/results";
import { toHistoryRun } from "@softmax-bench/regression";
import { beforeEach, describe, expect, it } from "vitest";
import { call, type Ended, onlyRun, temporaryFolder } from "./support/cli.js";

const MATRIX = [
  ...["--profile", "smoke", "--backend", "tfjs-wasm,onnxruntime-cpu", "--dtype", "float32"],
  ...["--workload", "4x3,2x2", "--method", "*/naive,*/shifted", "--threads", "1"],
];

/** Results of each third of the matrix, and of all of it, measured once. */
const measured: { shards: Results[]; whole: Results | undefined } = { shards: [], whole: undefined };

beforeEach(async () => {
  if (measured.whole) return;
  const results = async (...args: string[]) =>
    parseResults((await call("bench", [...MATRIX, ...args, "--json", "--out", temporaryFolder()])).stdout);
  for (const index of [1, 2, 3]) measured.shards.push(await results("--shard", `${index}/3`));
  measured.whole = await results();
});

const shard = (index: number): Results => structuredClone(measured.shards[index - 1] as Results);
const whole = (): Results => structuredClone(measured.whole as Results);

/** The same results from a machine that is like none here. */
const elsewhere = (results: Results): Results => ({
  ...results,
  environment: { ...results.environment, cpu: "Other CPU @ 1 GHz" },
});

/** Writes results as runs in a folder each. */
function folders(...all: Results[]): string[] {
  return all.map((results) => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "results.json"), formatResults(results));
    return folder;
  });
}

async function merge(
  dirs: readonly string[],
): Promise<Ended & { results: () => Results; report: () => string }> {
  const out = temporaryFolder();
  const ended = await call("merge", [...dirs, "--out", out]);
  return {
    ...ended,
    results: () => onlyRun(out).results(),
    report: () => readFileSync(join(onlyRun(out).path, "report.md"), "utf8").replaceAll("\\", ""),
  };
}

const keysOf = ({ cells, distances }: Results) => ({
  cells: cells.map(cellKey),
  distances: distances.map((distance) => cellKey({ ...distance, method: distance.a })),
});

/** The shard as it was before its run was stopped: in fewer processes, which were twice as fast. */
function interrupted(index: number): Results {
  const { run, cells, ...rest } = shard(index);
  const halved = cells.map((cell) => ({
    ...cell,
    unfinished: true as const,
    ...(cell.timing?.gradient && {
      timing: {
        ...cell.timing,
        gradient: { ...cell.timing.gradient, medianNs: cell.timing.gradient.medianNs / 2 },
      },
    }),
  }));
  const before = {
    id: `${run.id}-stopped`,
    startedAt: "2026-01-01T00:00:00.000Z",
    status: "interrupted" as const,
  };
  return { ...rest, run: { ...run, ...before }, cells: halved };
}

describe("shards of one machine, merged", () => {
  it("have the times of a complete run, not of one that was stopped before it", async () => {
    const merged = await merge(folders(interrupted(1), shard(1), shard(2), shard(3)));
    const { run, cells } = merged.results();
    expect(run.status).toBe("complete");
    expect(cells.filter(({ unfinished }) => unfinished)).toEqual([]);
    const timeOf = (one: Results["cells"][number]) => one.timing?.gradient?.medianNs;
    const [first] = shard(1).cells;
    const same = cells.find((cell) => first && cellKey(cell) === cellKey(first));
    expect(same && timeOf(same)).toBe(first && timeOf(first));
  });

  it("are the run that nobody split: the same cells, gradients and distances", async () => {
    const merged = await merge(folders(shard(3), shard(1), shard(2)));
    const results = merged.results();
    expect(merged.code).toBe(0);
    expect(keysOf(results)).toEqual(keysOf(whole()));
    expect(results.distances).toHaveLength(2 * 2 * 2);
    expect(results.cells.map(({ gradientDigest }) => gradientDigest)).toEqual(
      whole().cells.map(({ gradientDigest }) => gradientDigest),
    );
    expect(results.backends.map(({ id }) => id)).toEqual(["tfjs-wasm", "onnxruntime-cpu"]);
    expect(results.run).toMatchObject({ status: "complete", cellsPlanned: 16, plan: shard(1).run.plan });
    expect(results.run.shard).toBeUndefined();
    expect(results.run.argv).not.toContain("--shard");
    expect(results).not.toHaveProperty("machines");
    expect(merged.report()).toContain("merged from");
  });

  it("keep the resolution of each host", async () => {
    const group = { backend: "tfjs-wasm", workload: "4x3", phase: "gradient", processes: 1 } as const;
    const resolution = (host: string | undefined, ratio: number) => ({
      groups: [{ ...group, host, ratio }],
      identicalPairs: [],
    });
    const [first, second, third] = [shard(1), shard(2), shard(3)];
    const merged = await merge(
      folders(
        { ...first, resolution: resolution(undefined, 0.1) },
        { ...second, resolution: resolution("node@24", 0.4) },
        { ...third, resolution: resolution(undefined, 0.2) },
      ),
    );
    expect(merged.results().resolution?.groups).toEqual([
      { ...group, ratio: 0.2 },
      { ...group, host: "node@24", ratio: 0.4 },
    ]);
  });

  it("name the one that is missing, and keep the rest", async () => {
    const merged = await merge(folders(shard(1), shard(3)));
    expect(merged.code).toBe(1);
    expect(merged.stderr).toContain(
      "shard 2 of 3 is missing; measure it with --shard 2/3, and run pnpm report merge again",
    );
    expect(merged.results().run.status).toBe("interrupted");
    expect(merged.results().run.merged?.missing).toEqual([{ index: 2, count: 3 }]);
    expect(merged.results().cells).toHaveLength(shard(1).cells.length + shard(3).cells.length);
    expect(merged.report()).toContain("Incomplete: there is no complete run of shard 2 of 3.");
  });

  it("say how to go on with one that was stopped early", async () => {
    const stopped = shard(2);
    stopped.run.status = "interrupted";
    stopped.cells.pop();
    const merged = await merge(folders(shard(1), stopped, shard(3)));
    expect(merged.code).toBe(1);
    expect(merged.stderr).toMatch(/shard 2 of 3 was stopped early; continue it with: pnpm bench --resume /);
    expect(merged.results().cells).toHaveLength(15);
  });

  it("take a cell that is there twice once, the successful one first", async () => {
    const failed = shard(2);
    const [cell] = failed.cells;
    if (cell) failed.cells[0] = { ...cell, status: "crashed", reason: "SIGKILL", gradientDigest: undefined };
    const merged = await merge(folders(shard(1), failed, shard(2), shard(3)));
    expect(merged.code).toBe(0);
    expect(keysOf(merged.results())).toEqual(keysOf(whole()));
  });

  it("must agree on the gradient of a cell that is there twice", async () => {
    const other = shard(2);
    const [cell] = other.cells;
    if (cell) cell.gradientDigest = `sha256:${"0".repeat(64)}`;
    const { code, stderr } = await merge(folders(shard(1), shard(2), other, shard(3)));
    expect(code).toBe(2);
    expect(stderr).toMatch(/disagree on \S+ \S+ float32 \S+: gradients sha256:\w+… and sha256:00000000…/);
  });
});

/** The same results, with every cell once more in a page or a process of another host, which names its processor otherwise. */
const alsoOn = (results: Results, id: string, version = "1.4.5"): Results => ({
  ...results,
  hosts: [{ id, status: "available", runtime: { name: "Bun", version } }],
  backends: results.backends.flatMap((backend) => [
    backend,
    { ...backend, host: id, device: { kind: "cpu" as const, name: "unnamed processor" } },
  ]),
  cells: results.cells.flatMap((cell) => [cell, { ...cell, host: id }]),
});

describe("shards of several hosts, merged", () => {
  it("keep the hosts, and a record of each backend on each of them", async () => {
    const merged = await merge(folders(...[1, 2, 3].map((index) => alsoOn(shard(index), "bun"))));
    const { hosts, backends, cells } = merged.results();
    expect(merged.stderr).not.toContain("do not belong together");
    expect(merged.code).toBe(0);
    expect(hosts).toEqual([{ id: "bun", status: "available", runtime: { name: "Bun", version: "1.4.5" } }]);
    const places = ["tfjs-wasm", "onnxruntime-cpu"].flatMap((id) => [
      [id, undefined],
      [id, "bun"],
    ]);
    expect(backends).toHaveLength(places.length);
    for (const [id, host] of places) {
      const device = host ? "unnamed processor" : whole().backends.find((one) => one.id === id)?.device?.name;
      expect(backends.filter((one) => one.id === id && one.host === host)).toMatchObject([
        { device: { name: device } },
      ]);
    }
    expect(cells).toHaveLength(2 * whole().cells.length);
    expect(merged.report().replaceAll("&#8203;", "")).toContain("tfjs-wasm@bun");
  });

  it("keep one that a single shard has, and prefer a shard in which it was available", async () => {
    const absent: Results = {
      ...shard(1),
      hosts: [{ id: "bun", status: "unavailable", reason: "not installed", remedy: "install it" }],
    };
    const merged = await merge(folders(absent, alsoOn(shard(2), "bun"), shard(3)));
    expect(merged.results().hosts).toEqual(alsoOn(shard(2), "bun").hosts);
  });

  it("must have the same version of it", async () => {
    const { code, stderr } = await merge(folders(alsoOn(shard(1), "bun"), alsoOn(shard(2), "bun", "1.5.0")));
    expect(code).toBe(2);
    expect(stderr).toContain("do not belong together: host bun is Bun 1.4.5 and Bun 1.5.0");
  });
});

describe("the noise of merged runs", () => {
  const state = { loadAverage: 0, windowNs: 1e9, otherCores: 0, steal: 0, spinNs: 1e6 };
  const noise = (spins: readonly number[], changes: object = {}): NonNullable<Results["noise"]> => ({
    before: { ...state, spinNs: spins[0] ?? 0 },
    during: spins.slice(1).map((spinNs) => ({ ...state, spinNs, ...changes })),
    disturbed: 0,
  });
  const quiet = (index: number) => ({ ...shard(index), noise: noise([1e6, 1e6, 1e6, 1e6]) });

  it("is that of each: processors of different speeds do not drift, and one that drifts still does", async () => {
    const apart = (second: Results["noise"]) =>
      merge(folders(quiet(1), elsewhere({ ...shard(2), noise: second }), quiet(3)));
    expect(busyMachine((await apart(noise([2e6, 2e6]))).results())).toBeUndefined();
    expect(busyMachine((await apart(noise([2e6, 3e6]))).results())).toContain("speed varied by 50 %");
  });

  it("is that of the busiest, however quiet the others were", async () => {
    const busy = { ...shard(2), noise: { ...noise([1e6, 1e6], { otherCores: 0.4 }), disturbed: 0.6 } };
    const results = (await merge(folders(quiet(1), busy, quiet(3)))).results();
    expect(results.noise?.disturbed).toBe(0.6);
    expect(results.noise?.during).toHaveLength(3 + 2 + 4);
    expect(busyMachine(results)).toMatch(
      /other programs used 0\.4 of \d+ cores, others used its cores, .* 60 %/,
    );
  });
});

describe("runs of several machines, merged", () => {
  it("are busy where the machine was, and nowhere else", async () => {
    const state = { loadAverage: 0, windowNs: 1e9, otherCores: 0, steal: 0, spinNs: 1e6 };
    const busy = { ...state, otherCores: 0.4 };
    const quiet = { ...whole(), noise: { before: state, during: [state], after: state } };
    const other = elsewhere({ ...whole(), noise: { before: busy, during: [busy], disturbed: 0.9 } });
    const results = (await merge(folders(quiet, other))).results();
    const { machines = [] } = results;
    expect(machines.map((machine) => busyMachine(resultsOfMachine(results, machine)))).toEqual([
      undefined,
      expect.stringContaining("other programs used 0.4 of"),
    ]);
    const { cells, isBusy } = toHistoryRun(results);
    expect(isBusy).toBe(true);
    expect(new Set(cells.flatMap(({ ns, machine }) => (ns === undefined ? [] : machine)))).toEqual(
      new Set([machines[0]?.id]),
    );
  });

  it("keep each machine's cells apart, and set common ones side by side", async () => {
    const merged = await merge(folders(whole(), elsewhere(whole())));
    const { machines = [], cells, distances, backends } = merged.results();
    const report = merged.report();
    expect(merged.code).toBe(0);
    expect(machines.map(({ environment }) => environment.cpu)).toEqual([
      whole().environment.cpu,
      "Other CPU @ 1 GHz",
    ]);
    for (const list of [cells, distances, backends]) {
      expect(new Set(list.map(({ machine }) => machine))).toEqual(new Set(machines.map(({ id }) => id)));
    }
    expect(cells).toHaveLength(2 * whole().cells.length);
    expect(report).toMatch(/^## 4x3 on machine 1: .*\n/m);
    expect(report).toMatch(/^\*\*2x2 on machine 2, float32: /m);
    expect(report).toMatch(/\| +ratio on machine 1 \| +ratio on machine 2 \|/);
    expect(report.match(/same bits/g)).toHaveLength(whole().cells.length);
  });

  it("may be one shard each; nothing is compared then", async () => {
    const merged = await merge(folders(shard(1), elsewhere(shard(2)), shard(3)));
    expect(merged.code).toBe(0);
    expect(merged.results().run.status).toBe("complete");
    expect(keysOf(merged.results()).cells.toSorted()).toEqual(keysOf(whole()).cells.toSorted());
    expect(merged.report()).toContain("No cell was measured on two machines");
  });

  it("may differ in bits, which is said and no mistake", async () => {
    const other = elsewhere(whole());
    const [cell] = other.cells;
    if (cell) cell.gradientDigest = `sha256:${"0".repeat(64)}`;
    const merged = await merge(folders(whole(), other));
    expect(merged.code).toBe(0);
    expect(merged.report().match(/\| differ +\|/g)).toHaveLength(1);
  });
});

describe("runs that do not belong together", () => {
  it.each([
    ["commit", (results: Results) => ({ ...results, run: { ...results.run, commit: "abc" } }), "commit abc"],
    ["seed", (results: Results) => ({ ...results, run: { ...results.run, seed: 7 } }), "seed 7"],
    [
      "profile",
      (results: Results) => ({ ...results, run: { ...results.run, profile: "full" } }),
      "profile full",
    ],
    [
      "version",
      (results: Results) => ({ ...results, run: { ...results.run, version: "9.9.9" } }),
      "version 9.9.9",
    ],
    [
      "number of shards",
      (results: Results) => ({ ...results, run: { ...results.run, shard: { index: 2, count: 4 } } }),
      "shards of 4",
    ],
    [
      "plan",
      (results: Results) => ({ ...results, run: { ...results.run, plan: `sha256:${"1".repeat(64)}` } }),
      "plan sha256:1111",
    ],
    [
      "version of a backend",
      (results: Results) => ({
        ...results,
        backends: [
          {
            ...results.backends[0],
            id: "tfjs-wasm",
            status: "available" as const,
            engine: { name: "TensorFlow.js", version: "0.0.1" },
          },
        ],
      }),
      "TensorFlow.js 0.0.1",
    ],
  ])("by their %s are refused, naming both, and nothing is written", async (_, change, named) => {
    const out = temporaryFolder();
    const dirs = folders(shard(1), change(shard(2)));
    const { code, stderr } = await call("merge", [...dirs, "--out", join(out, "merged")]);
    expect(code).toBe(2);
    expect(stderr).toContain(`${dirs[0]} and ${dirs[1]} do not belong together`);
    expect(stderr).toContain(named);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(() => onlyRun(out)).toThrow("expected one run");
  });

  it.each([
    [
      "a merged run",
      () => ({ ...whole(), run: { ...whole().run, merged: { runs: ["a"], missing: [] } } }),
      /is merged itself/,
    ],
    [
      "a precision run",
      () => ({ ...whole(), run: { ...whole().run, command: "precision" } }),
      /is a run of precision/,
    ],
    [
      "a run of an older version",
      () => ({ ...whole(), run: { ...whole().run, plan: undefined } }),
      /does not say what was planned/,
    ],
  ])("such as %s are refused", async (_, results, message) => {
    const { code, stderr } = await merge(folders(results()));
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });

  it("are refused where they cannot be read, naming file and field", async () => {
    const [folder = ""] = folders(whole());
    const file = join(folder, "results.json");
    writeFileSync(file, readFileSync(file, "utf8").replace('"dtype": "float32"', '"dtype": "float8"'));
    const { code, stderr } = await merge([folder]);
    expect(code).toBe(2);
    expect(stderr).toContain(`merge: ${file}: cells[0].dtype:`);
  });

  it("or are no runs, are refused", async () => {
    expect((await merge([temporaryFolder()])).stderr).toMatch(/holds no run: expected results.json in it/);
    expect((await merge(["/nonexistent"])).stderr).toBe(
      "merge: /nonexistent is no folder; name folders of runs, or folders that hold some\n",
    );
    expect((await merge([])).code).toBe(2);
  });
});
