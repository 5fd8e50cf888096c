import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { DEFAULT_LIMITS } from "@softmax-bench/regression";
import { describe, expect, it, onTestFinished } from "vitest";
import { REPOSITORY_ROOT } from "../dist/fs/repository.js";
import { countedFlags } from "../dist/gate/count-sides.js";
import { countedCells } from "../dist/gate/counting/counted-cells.js";
import { CountFiles, parseCount } from "../dist/gate/counting/simulator.js";
import { COUNTED, compareInstructions, decideByLooks, explainUncounted } from "../dist/gate/instructions.js";
import { toPatience } from "../dist/gate/patience.js";
import { call, run, temporaryFolder } from "./support/cli.js";
import { fakeCheckout } from "./support/fake-revision.js";
import { cacheWithRevision, otherCommit } from "./support/revision.js";

/** The beginning and the end of a file that Callgrind 3.19 wrote. */
const CALLGRIND_OUT = `# callgrind format
version: 1
creator: callgrind-3.19.0
pid: 29528
cmd:  node worker.js
part: 2

desc: Trigger: --dump-before=uv_os_getpriority

positions: line
events: Ir
summary: 8620621


ob=(1) /usr/bin/node
fl=(1) ???
fn=(2) uv_os_getpriority
0 12

totals: 8620621
`;

describe("Callgrind's files", () => {
  it("have a total", () => {
    expect(parseCount(CALLGRIND_OUT)).toBe(8_620_621);
    expect(() => parseCount("events: Ir\n")).toThrow(/without a total/);
  });

  it("are read in the order of the marks; what was counted before the first of a cell's marks is not the cell's", () => {
    const folder = mkdtempSync(join(tmpdir(), "counting-test-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    for (const [index, count] of [99, 10, 11, 77, 20].entries()) {
      writeFileSync(join(folder, `counts.${index + 1}`), `totals: ${count}\n`);
    }
    const files = new CountFiles(folder);
    expect(files.take(3)).toEqual([10, 11]);
    expect(files.take(2)).toEqual([20]);
  });
});

/**
 * Programs in the place of Valgrind's. At each mark they write a file that says that this checkout's calls take 1,020,000
 * instructions, and another one's 1,000,000.
 */
function writeSimulator(folder: string): void {
  const preload = join(folder, "preload.mjs");
  writeFileSync(
    preload,
    `import os from "node:os";
import { syncBuiltinESMExports } from "node:module";
import { writeFileSync } from "node:fs";
let marks = 0;
os.getPriority = () => {
  const perCall = process.cwd() === ${JSON.stringify(resolve(REPOSITORY_ROOT))} ? 1_020_000 : 1_000_000;
  writeFileSync(process.env.TEST_COUNTS + "." + ++marks, "totals: " + 3 * perCall + "\\n");
  return 0;
};
syncBuiltinESMExports();
`,
  );
  const program = (name: string, text: string) =>
    writeFileSync(join(folder, name), `#!/bin/bash\n${text}\n`, { mode: 0o755 });
  program("vgdb", "exit 0");
  program(
    "valgrind",
    `[ "$1" = --version ] && echo "valgrind-0 (a test's)" && exit
while [[ "$1" == --* ]]; do
  [[ "$1" == --callgrind-out-file=* ]] && export TEST_COUNTS="\${1#*=}"
  shift
done
node=$1
shift
exec "$node" --import ${preload} "$@"`,
  );
}

describe("gate --instructions", () => {
  it("names the Debian package where there is no Valgrind: exit 2, one line", async () => {
    const args = ["--baseline", "HEAD", "--instructions", "--out", temporaryFolder()];
    const { code, stderr } = await run("gate", args, { env: { PATH: temporaryFolder() } });
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(stderr).toContain("install the Debian package valgrind (apt-get install valgrind)");
    expect(code).toBe(2);
  });

  it.each([
    [["--error-only"], /--instructions counts beside times, and --error-only takes none/],
    [["--host", "chromium"], /--instructions counts in this Node, got --host chromium/],
    [["--max-instruction-growth", "0%"], /--max-instruction-growth takes a percentage of at least 0\.5%/],
  ])("refuses %j", async (flags, message) => {
    const args = ["--baseline", "HEAD", "--instructions", ...flags, "--out", temporaryFolder()];
    const { code, stderr } = await call("gate", args);
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
  });

  it("shows counts beside times, and fails for more of them", async () => {
    const commit = otherCommit();
    const [out, bin] = [temporaryFolder(), temporaryFolder()];
    writeSimulator(bin);
    const cell = ["--backend", "wasm-simd", "--method", "manual/fused", "--dtype", "float32"];
    const flags = ["--workload", "64x100", "--max-slowdown", "100000%", "--no-provision", "--out", out];
    const gate = (counts: Record<string, string>) =>
      run("gate", ["--baseline", commit, ...cell, ...flags, "--instructions"], {
        env: { ...counts, PATH: `${bin}:${process.env.PATH}`, SOFTMAX_BENCH_CACHE: cache },
      });
    const cache = await cacheWithRevision(commit);
    const { code, stdout, stderr } = await gate({});
    expect(stderr).toContain("instructions again, of 1 gradient that differ");
    expect(stdout).toMatch(/regression +wasm-simd +manual\/fused .* \+2\.00 %/);
    expect(stdout).toContain("Instructions were counted in valgrind-0 (a test's)");
    expect(code, stderr).toBe(1);
    const folder = readdirSync(out).find((name) => name.endsWith("-gate")) as string;
    const counted = JSON.parse(readFileSync(join(out, folder, "instructions.json"), "utf8"));
    // One process of each, two that decide, and three that confirm.
    const times = (side: string) => new Array(6).fill(side);
    expect(counted.map(({ side }: { side: string }) => side).sort()).toEqual([
      ...times("baseline"),
      ...times("candidate"),
    ]);
  });

  it.each([...COUNTED.keys()].map((id) => [id]))(
    "counts the same instructions of %s in two processes, to 0.5 %, and more for more classes",
    {
      tags: "nightly",
    },
    async (id) => {
      const cells = ["16x100", "16x1000"].map((workload) => `${id} manual/shifted float32 ${workload}`);
      const cwd = temporaryFolder();
      writeFileSync(
        join(cwd, "bench.config.ts"),
        `export default { methods: ["manual/shifted", { id: "mine/none", gradient: ({ gradient }) => ({ loss: 0, gradient }) }] };`,
      );
      const count = async () => {
        const file = join(temporaryFolder(), "counts.json");
        const which = cells.flatMap((cell) => ["--cell", cell]);
        const { code, stderr } = await run("bench", ["--no-provision", "--count-to", file, ...which], {
          cwd,
        });
        expect(code, stderr).toBe(0);
        const counted = countedCells.parse(JSON.parse(readFileSync(file, "utf8")));
        return counted.cells.map(({ instructions = Number.NaN }) => instructions);
      };
      const [first, second] = await Promise.all([count(), count()]);
      for (const [index, instructions] of first.entries()) {
        expect((second[index] ?? Number.NaN) / instructions).toBeCloseTo(1, 2);
      }
      // SIMD handles 4 elements at a time, and takes an instruction for each of them at least.
      expect((first[1] ?? 0) - (first[0] ?? 0)).toBeGreaterThan(16 * 900);
    },
  );
});

describe("looks at fewer cells, whose code is optimised less", () => {
  it("find a cell that alone grew, whose counts are higher the fewer others a process counts", async () => {
    const cells = ["tfjs-wasm manual/exact-target float32 16x10"];
    // Six cells in a process, two, and this one alone.
    const levels = [821_553, 1_100_000, 1_100_000, 1_489_809, 1_489_809, 1_489_809];
    const revision = (name: string, ratio: number) =>
      fakeCheckout({ name, cells, counting: { counts: levels.map((level) => Math.round(level * ratio)) } });
    const [baseline, candidate] = [revision("old", 1), revision("new", 1.01)];
    const { signal } = new AbortController();
    const options = { limits: DEFAULT_LIMITS, patience: toPatience(), signal, say: () => {} };
    const compared = await compareInstructions({ baseline, candidate, cells, ...options });
    expect(compared.cells.map(({ instructions }) => instructions.verdict)).toEqual(["regression"]);
  });

  it.each([
    ["find what grew by 1 % in each of them", 1, [1.01, 1.01, 1.01], "regression"],
    ["find what grew, where the levels are the same", 0, [1.01, 1.01, 1.01], "regression"],
    ["find nothing that a later look does not have", 1, [1.01, 1.01, 1], "inconclusive"],
    ["find nothing that was the other way round in the first", 1, [0.99, 1.01, 1.01], "inconclusive"],
  ])("%s", (_, shift, [first = 1, second = 1, third = 1], verdict) => {
    const look = (level: number, ratio: number, processes: number) => ({
      baseline: Array<number>(processes).fill(level),
      candidate: Array<number>(processes).fill(level * ratio),
    });
    // As onnxruntime-web's manual/fused: counted after others, with another, alone.
    const further = [look(1000 + shift * 100, second, 2), look(1000 + shift * 190, third, 3)];
    expect(decideByLooks(look(1000, first, 1), further, DEFAULT_LIMITS).verdict).toBe(verdict);
  });
});

describe("backends whose instructions are counted", () => {
  it("are those that compute in one thread, in WebAssembly or JavaScript, a user's methods too", () => {
    const timed = ["onnxruntime-web", "jax-js", "jax-js-webgl", "javascript", "onnxruntime-cpu"];
    const cells = timed.map((id) => `${id} manual/shifted float32 vocab`);
    expect(countedFlags([], cells)).toEqual([
      ["--backend", "onnxruntime-web", "--workload", "16x1000"],
      ["--backend", "jax-js", "--workload", "16x100"],
      ["--backend", "javascript", "--workload", "16x10,16x100"],
    ]);
  });

  it.each([
    [
      "onnxruntime-cpu",
      /kernels are chosen by the processor, .* AVX2; its counts differ by 1 % from process to process\.$/,
    ],
    ["tfjs-node-gpu", /kernels are chosen by the processor, .* AVX2\.$/],
    ["jax-js-webgl", /jax-js-webgl, which computes on a GPU\.$/],
    ["pytorch", /pytorch, which runs in Python\.$/],
    ["mine", /mine, whose threads and kernels are not known/],
  ])("leave out %s, with the reason", (id, reason) => {
    const [note, ...others] = explainUncounted([...COUNTED.keys(), id]);
    expect(note).toMatch(reason);
    expect(note).toMatch(new RegExp(`^Not counted: ${id}, `));
    expect(others).toEqual([]);
  });

  it("need no line where all are counted", () => {
    expect(explainUncounted([...COUNTED.keys()])).toEqual([]);
  });
});
