import { COMPARISONS, cellKey } from "@softmax-bench/core";
import { describe, expect, it } from "vitest";
import { resolveShard } from "../dist/plan/shard.js";
import { call, onlyRun, temporaryFolder } from "./support/cli.js";

describe("--shard auto", () => {
  // Values as the systems' documentation gives them: see src/shard.ts.
  it.each([
    ["the first pod of a Kubernetes indexed Job", { JOB_COMPLETION_INDEX: "0", SHARD_COUNT: "4" }, "1/4"],
    ["the last pod", { JOB_COMPLETION_INDEX: "3", SHARD_COUNT: "4" }, "4/4"],
    ["sbatch --array=0-31", slurm(31, 0, 31, 32), "32/32"],
    ["sbatch --array=1-4%2", slurm(2, 1, 4, 4), "2/4"],
    ["sbatch --array=1-7:2", slurm(5, 1, 7, 4), "3/4"],
    ["sbatch --array=3", slurm(3, 3, 3, 1), "1/1"],
    ["GitLab's parallel: 3", { CI_NODE_INDEX: "3", CI_NODE_TOTAL: "3" }, "3/3"],
    ["a GitHub Actions matrix", { STRATEGY_JOB_INDEX: "0", STRATEGY_JOB_TOTAL: "2" }, "1/2"],
    // GitLab gives every job a total, and 1 to one without `parallel`.
    [
      "a Kubernetes Job started by GitLab",
      { JOB_COMPLETION_INDEX: "1", SHARD_COUNT: "2", CI_NODE_TOTAL: "1" },
      "2/2",
    ],
  ])("reads %s", (_, environment, shard) => {
    const { index, count } = resolveShard("auto", environment);
    expect(`${index}/${count}`).toBe(shard);
  });

  it.each([
    [{}, /finds none of JOB_COMPLETION_INDEX.*SLURM_ARRAY_TASK_ID.*CI_NODE_INDEX.*STRATEGY_JOB_INDEX/],
    [{ JOB_COMPLETION_INDEX: "0" }, /expects a number in SHARD_COUNT, got nothing$/],
    [{ JOB_COMPLETION_INDEX: "-1", SHARD_COUNT: "4" }, /a number in JOB_COMPLETION_INDEX, got "-1"$/],
    [{ CI_NODE_INDEX: "4", CI_NODE_TOTAL: "3" }, /from 1 to the number of shards, got 4\/3$/],
    [{ CI_NODE_INDEX: "4", CI_NODE_TOTAL: "100000" }, /at most 99999 shards, got 100000$/],
    [slurm(2, 1, 5, 3), /array indices at equal steps, got 3 from 1 to 5 and 2 among them/],
    [{ ...slurm(1, 1, 2, 2), CI_NODE_INDEX: "1", CI_NODE_TOTAL: "2" }, /finds both SLURM.*and CI_NODE_INDEX/],
  ])("refuses %j", (environment, message) => {
    expect(() => resolveShard("auto", environment)).toThrow(message);
  });

  it.each(["0/4", "5/4", "1/0", "half", "1/2/3", "-1/4", "1.5/4", "1/999999"])("is refused as %s", (flag) => {
    expect(() => resolveShard(flag, {})).toThrow(/^--shard expects/);
  });
});

function slurm(id: number, min: number, max: number, count: number): NodeJS.ProcessEnv {
  const values = { ID: id, MIN: min, MAX: max, COUNT: count };
  return Object.fromEntries(
    Object.entries(values).map(([what, value]) => [`SLURM_ARRAY_TASK_${what}`, String(value)]),
  );
}

/** The cells that a shard would measure, as `bench --list` says them: `backend method dtype workload`. */
async function cellsOf(shard: string, ...args: string[]): Promise<string[]> {
  const { code, stdout } = await call("bench", ["--list", "--shard", shard, ...args]);
  expect(code).toBe(0);
  return stdout.split("\n").filter(Boolean);
}

describe("a matrix in shards", () => {
  it.each([2, 3, 7])("in %i: each cell is in one of them, in the order of the whole", async (count) => {
    const indices = Array.from({ length: count }, (_, index) => index + 1);
    const shards = await Promise.all(indices.map((index) => cellsOf(`${index}/${count}`)));
    expect(shards.flat()).toEqual(await cellsOf("1/1"));
    expect(shards.every((cells) => cells.length > 0)).toBe(true);
  });

  it("keeps methods that are compared together, so that no distance is lost", async () => {
    const shards = await Promise.all([1, 2, 3, 4, 5].map((index) => cellsOf(`${index}/5`)));
    const whole = new Set(await cellsOf("1/1"));
    for (const cells of shards.map((list) => new Set(list))) {
      for (const cell of cells) {
        const [backend = "", method = "", dtype = "", workload = ""] = cell.split(" ");
        const pair = COMPARISONS.find((methods) => methods.some((compared) => compared === method));
        for (const compared of pair ?? []) {
          const key = cellKey({ backend, method: compared, dtype, workload });
          // A backend may lack the other method.
          if (whole.has(key)) expect(cells).toContain(key);
        }
      }
    }
  });

  it("of one backend is split, and of several each backend is in as few shards as can be", async () => {
    const args = ["--profile", "smoke", "--backend", "onnxruntime-cpu,tfjs-wasm", "--dtype", "float32"];
    const shards = await Promise.all([1, 2].map((index) => cellsOf(`${index}/2`, ...args)));
    expect(shards.map((cells) => new Set(cells.map((cell) => cell.split(" ")[0])).size)).toEqual([1, 1]);
    const one = await Promise.all([1, 2].map((index) => cellsOf(`${index}/2`, ...args.with(3, "tfjs-wasm"))));
    expect(one.every((cells) => cells.length >= 10)).toBe(true);
  });

  it("with more shards than cells leaves some with nothing to do, which is no failure", async () => {
    const out = temporaryFolder();
    const args = ["--backend", "tfjs-wasm", "--method", "manual/fused", "--workload", "2x2"];
    const { code } = await call("bench", ["--profile", "smoke", ...args, "--shard", "3/3", "--out", out]);
    const { run, cells } = onlyRun(out).results();
    expect(code).toBe(0);
    expect(cells).toEqual([]);
    expect(run).toMatchObject({ status: "complete", shard: { index: 3, count: 3 }, cellsPlanned: 0 });
  });
});
