import { readFileSync } from "node:fs";
import { cellKey } from "@softmax-bench/core";
import { DEFAULT_LIMITS, ROUTING_BLOCKS, toOutcome } from "@softmax-bench/regression";
import { describe, expect, it } from "vitest";
import { againstFile } from "../dist/gate/against-file.js";
import { Baseline } from "../dist/gate/baseline.js";
import { explainUnwatched, watchFor } from "../dist/gate/busy-watch.js";
import { type Checkout, measureIn } from "../dist/gate/checkout.js";
import { addCounts, countedFlags, countSides } from "../dist/gate/count-sides.js";
import { compareInstructions } from "../dist/gate/instructions.js";
import { measureGate } from "../dist/gate/measure.js";
import { toPatience } from "../dist/gate/patience.js";
import type { GateRequest } from "../dist/gate/request.js";
import { candidateCells, gateCheckouts, withNamed } from "../dist/gate/run.js";
import { baselineFlags, droppedCells } from "../dist/gate/selection.js";
import { TimeBudget } from "../dist/gate/time-budget.js";
import { temporaryFolder } from "./support/cli.js";
import { type FakeRevision, fakeCheckout } from "./support/fake-revision.js";
import { isRunning } from "./support/process.js";

const CELL = "wasm-simd manual/fused float32 16x10";

const requestOf = (flags: readonly string[], over: Partial<GateRequest> = {}): GateRequest => ({
  baseline: "old",
  selection: { flags, named: [], isDefault: flags.length === 0 },
  limits: DEFAULT_LIMITS,
  out: temporaryFolder(),
  budget: new TimeBudget(undefined),
  prepare: undefined,
  mayProvision: async () => false,
  patience: toPatience(),
  seed: 0,
  threads: 1,
  signal: new AbortController().signal,
  say: () => {},
  ...over,
});

/** Gates the errors of two revisions, of which the baseline is `old`. */
async function gateErrors(old: Partial<FakeRevision>, candidate: Partial<FakeRevision>) {
  const request = requestOf([], { only: "errors" });
  const checkout = fakeCheckout({ name: "new", cells: [CELL], ...candidate });
  const baseline = Baseline.of(fakeCheckout({ name: "old", cells: [CELL], ...old }));
  return gateCheckouts(request, baseline, checkout, await candidateCells(checkout, request));
}

/** Gates a fake checkout against a fake baseline, each of which has some cells. */
async function gateFakes(
  request: ReturnType<typeof requestOf>,
  cells: readonly string[],
  before: readonly string[],
) {
  const checkout = fakeCheckout({ name: "new", cells });
  const old = Baseline.of(fakeCheckout({ name: "old", cells: before }));
  return gateCheckouts(request, old, checkout, await candidateCells(checkout, request));
}

describe("a gate of errors", () => {
  it.each([
    ["of the baseline", {}, { profiles: ["gate", "smoke", "digests"] }],
    ["of the candidate, as in a bisection", { profiles: ["gate", "smoke", "digests"] }, {}],
    ["of both", {}, {}],
  ])(
    "takes the digests of a revision from before the profile for them by another: %s",
    async (_, old, now) => {
      const { comparison } = await gateErrors(old, { ...now, relL2: 1e-3 });
      expect(comparison.cells.map(({ verdict }) => verdict)).toEqual(["regression"]);
    },
  );

  it("has nothing to compare where sweeps alone are asked for, and the baseline is from before them", async () => {
    const cells = ["wasm-simd manual/fused float32 sweep/offset"];
    await expect(
      gateErrors({ cells }, { cells, profiles: ["gate", "smoke", "digests"] }),
    ).rejects.toMatchObject({
      name: "IncomparableError",
      message: expect.stringContaining("old has none of 1 cell that were asked for"),
    });
  });

  it("takes the workloads of a file, where there is nothing but a file", async () => {
    const [small, large] = ["4x3", "64x100"].map((workload) => `wasm-simd manual/fused float32 ${workload}`);
    const candidate = fakeCheckout({ name: "new", cells: [small as string, large as string] });
    const request = requestOf([], { only: "errors" });
    const old = fakeCheckout({ name: "old", cells: [large as string] });
    const results = await measureIn(old, { ...request, profile: "smoke", cells: [large as string] });
    const { comparison } = await againstFile(request, { file: "main.json", results }, candidate);
    expect(comparison.cells.map(({ workload, verdict }) => [workload, verdict])).toEqual([
      ["64x100", "pass"],
    ]);
    expect(comparison.notCompared).toEqual([]);
    const [listed] = candidate.calls();
    expect(listed).toContain("--workload");
  });
});

describe("--time", () => {
  it("is held against what a block of the second look takes, which has fewer cells", async () => {
    const cells = Array.from({ length: 40 }, (_, index) => `wasm-simd manual/fused float32 ${index + 2}x2`);
    const [slow = ""] = cells;
    const estimates: number[] = [];
    class Recording extends TimeBudget {
      override allows(ms: number): boolean {
        estimates.push(ms);
        return true;
      }
    }
    using budget = new Recording(3_600_000);
    const passes = await measureGate({
      ...requestOf([]),
      baseline: Baseline.of(fakeCheckout({ name: "old", cells, cellMs: 10 })),
      candidate: fakeCheckout({ name: "new", cells, cellMs: 10, ns: { [slow]: 1.3e6 } }),
      cells,
      only: "times",
      budget,
      blockFactor: 1 / 12,
    });
    expect(passes.filter(({ stage }) => stage === "decide")).toHaveLength(6);
    const [first, ofFirstLook = 0, ofSecondLook] = estimates;
    expect([first, estimates.length]).toEqual([0, 3]);
    expect(ofFirstLook).toBeGreaterThan(400);
    expect(ofSecondLook).toBeLessThan(ofFirstLook / 2);
    expect(ofSecondLook).toBeGreaterThan(0);
  });

  /** A budget that ends after some blocks and parts. */
  class Ending extends TimeBudget {
    blocks = Number.POSITIVE_INFINITY;
    parts = Number.POSITIVE_INFINITY;

    override allows(): boolean {
      return this.blocks-- > 0;
    }

    override async attempt<T>(
      part: string,
      signal: AbortSignal,
      work: (signal: AbortSignal) => Promise<T>,
    ): Promise<T | undefined> {
      if (this.parts-- > 0) return work(signal);
      this.omitted.push(`There was no time for ${part}.`);
      return undefined;
    }
  }
  const endingAfter = (ends: Partial<Pick<Ending, "blocks" | "parts">>) =>
    Object.assign(new Ending(undefined), ends);

  async function gateWithin(budget: TimeBudget, now: Partial<FakeRevision> = {}) {
    const request = requestOf([], { budget });
    const checkout = fakeCheckout({ name: "new", cells: [CELL], ...now });
    const old = Baseline.of(fakeCheckout({ name: "old", cells: [CELL] }));
    return gateCheckouts(request, old, checkout, await candidateCells(checkout, request));
  }

  it("lets nothing pass by a first look that it cuts to one block", async () => {
    const { comparison } = await gateWithin(endingAfter({ blocks: 1 }));
    expect(comparison.cells).toMatchObject([{ verdict: "inconclusive", error: { verdict: "pass" } }]);
    expect(comparison.notes.join()).toContain(
      "The first look ended after 1 of 2 blocks, since --time allows",
    );
    expect(toOutcome(comparison)).toBe("pass");
  });

  it("leaves times where it ends the comparison with the oracle, whose errors are inconclusive then", async () => {
    const { comparison } = await gateWithin(endingAfter({ parts: 0 }), { relL2: 1e-3 });
    expect(comparison.cells).toMatchObject([
      {
        verdict: "inconclusive",
        time: { verdict: "pass" },
        error: { verdict: "inconclusive", reason: "another gradient, and no errors of the candidate" },
      },
    ]);
    expect(comparison.notes).toContain("There was no time for comparing all gradients with the oracle.");
  });

  it.each([
    ["the errors, too", undefined, 1.8],
    ["nothing else, without errors", "times", 1],
  ] as const)("has to allow the second block and %s", async (_, only, blocks) => {
    const asked: { readonly ms: number; readonly at: number }[] = [];
    class Recording extends TimeBudget {
      override allows(ms: number): boolean {
        asked.push({ ms, at: performance.now() });
        return true;
      }
    }
    const revision = { cells: [CELL], cellMs: 100 };
    await measureGate({
      ...requestOf([]),
      baseline: Baseline.of(fakeCheckout({ name: "old", ...revision })),
      candidate: fakeCheckout({ name: "new", ...revision }),
      cells: [CELL],
      only,
      budget: new Recording(undefined),
    });
    const [first, second] = asked;
    // A block starts two processes twice, and measures in four; errors start one twice, and are of two.
    const block = (second?.at ?? Number.NaN) - (first?.at ?? 0);
    expect((second?.ms ?? Number.NaN) / block).toBeCloseTo(blocks, 1);
  });

  it.each([
    [0, [], 0],
    [1, ["there was no time for further processes"], 1],
    [2, ["there was no time for further processes"], 3],
  ])("makes counts inconclusive that it ends after %i looks", async (parts, reasons, processes) => {
    const baseline = fakeCheckout({ name: "old", cells: [CELL] });
    const candidate = fakeCheckout({ name: "new", cells: [CELL], counting: { counts: Array(6).fill(1010) } });
    const { limits, patience, signal, say } = requestOf([]);
    const budget = endingAfter({ parts });
    const options = { baseline, candidate, cells: [CELL], limits, patience, signal, say, budget };
    const { cells, notCompared } = await compareInstructions(options);
    expect(cells.map(({ instructions: { verdict, reason } }) => [verdict, reason])).toEqual(
      reasons.map((reason) => ["inconclusive", reason]),
    );
    expect(notCompared.map(({ kind, reason }) => [kind, reason])).toEqual(
      reasons.length > 0 ? [] : [["no-time", "there was no time to count its instructions"]],
    );
    expect(candidate.calls()).toHaveLength(processes);
    expect(budget.omitted).toEqual(["There was no time for counting the instructions of 1 cell."]);
  });
});

describe("counts of both sides", () => {
  const count = (flags: readonly string[], timed: readonly string[], old: Checkout, now: Checkout) =>
    countSides(requestOf(flags), timed, old, now);

  it("list the baseline's cells on the dtypes that are asked for", async () => {
    const cells = ["wasm-simd manual/fused float16 16x10"];
    const [old, now] = [fakeCheckout({ name: "old", cells }), fakeCheckout({ name: "new", cells })];
    const counted = await count(["--backend", "wasm-simd", "--dtype", "float16"], cells, old, now);
    expect(counted.cells.map(({ dtype, instructions }) => [dtype, instructions.verdict])).toEqual([
      ["float16", "pass"],
    ]);
  });

  it("count nothing where the baseline has none of the cells", async () => {
    const old = fakeCheckout({ name: "old", cells: [] });
    const now = fakeCheckout({ name: "new", cells: [CELL] });
    const counted = await count(["--backend", "wasm-simd"], [CELL], old, now);
    expect(counted.notes).toEqual(["No instructions were counted: old has none of 1 cell."]);
    expect(counted.notCompared).toMatchObject([{ kind: "one-sided", reason: "only the candidate has it" }]);
    expect([...old.calls(), ...now.calls()].flat()).not.toContain("--count-to");
  });

  it("name cells that only the baseline has, of those that are asked for", async () => {
    const cell = (method: string, workload: string) => `tfjs-cpu ${method} float32 ${workload}`;
    const cells = [cell("manual/fused", "16x10"), cell("manual/fused", "16x100")];
    const gone = [cell("manual/naive", "16x100"), cell("manual/naive", "16x1000")];
    const others = ["wasm-simd manual/naive float32 16x100", cell("autograd/naive", "16x100")];
    const old = fakeCheckout({ name: "old", cells: [...cells, ...gone, ...others] });
    const now = fakeCheckout({ name: "new", cells });
    const flags = ["--backend", "tfjs-cpu,wasm-simd", "--method", "manual/*", "--workload", "16x10,16x100"];
    const { notCompared } = await count(flags, cells, old, now);
    expect(notCompared.map(({ reason, ...id }) => [cellKey(id), reason])).toEqual([
      [gone[0], "only the baseline has it"],
    ]);
  });

  it("name a cell once that one side alone has, and that is timed, too", async () => {
    const gone = "wasm-simd manual/naive float32 16x10";
    const request = requestOf(["--workload", "16x10"], { instructions: true });
    const { comparison } = await gateFakes(request, [CELL], [CELL, gone]);
    expect(comparison.notCompared.map((cell) => [cellKey(cell), cell.kind])).toEqual([[gone, "one-sided"]]);
  });

  it("ask for backends that are timed, since others may lack the dtype or the method", () => {
    const flags = ["--dtype", "float64"];
    const timed = ["wasm-simd manual/fused float64 vocab", "onnxruntime-cpu manual/fused float64 vocab"];
    expect(countedFlags(flags, timed)).toEqual([
      ["--backend", "wasm-simd", "--workload", "16x10,16x1000", "--dtype", "float64"],
    ]);
    expect(countedFlags([], ["wasm-simd@bun manual/fused float32 vocab"])).toEqual([]);
  });

  it.each([
    ["a regression that further processes confirm", [1010, 1010, 1010, 1010, 1010, 1010], "regression", 6],
    [
      "no regression of code that is compiled in one of two ways",
      [1010, 1010, 1010, 1000],
      "inconclusive",
      6,
    ],
    ["no difference that new processes do not have", [1010], "pass", 3],
    ["nothing but the first processes, where those agree", [1001], "pass", 1],
  ])("find %s", async (_, counts, verdict, processes) => {
    const baseline = fakeCheckout({ name: "old", cells: [CELL] });
    const candidate = fakeCheckout({ name: "new", cells: [CELL], counting: { counts } });
    const { limits, patience, signal, say } = requestOf([]);
    const options = { baseline, candidate, cells: [CELL], limits, patience, signal, say };
    const { cells } = await compareInstructions(options);
    expect(cells.map(({ instructions }) => instructions.verdict)).toEqual([verdict]);
    expect([baseline.calls().length, candidate.calls().length]).toEqual([processes, processes]);
  });

  it("end the other side's processes where one fails", async () => {
    const baseline = fakeCheckout({ name: "old", cells: [CELL], counting: "hangs" });
    const candidate = fakeCheckout({
      name: "new",
      cells: [CELL],
      counting: { failsAfter: baseline.hanging },
    });
    const { limits, patience, signal, say } = requestOf([]);
    await expect(
      compareInstructions({ baseline, candidate, cells: [CELL], limits, patience, signal, say }),
    ).rejects.toThrow(/the command line of new .* exited with 2/);
    expect(isRunning(Number(readFileSync(baseline.hanging, "utf8")))).toBe(false);
  });

  it("leave a gate incomplete where one crashed, although the cell was timed", async () => {
    const request = requestOf([]);
    const { comparison } = await gateFakes(request, [CELL], [CELL]);
    expect(toOutcome(comparison)).toBe("pass");
    const id = { backend: "wasm-simd", method: "manual/fused", dtype: "float32", workload: "16x10" } as const;
    const reason = "instructions of the candidate: the worker was killed";
    const counted = { cells: [], notes: [], processes: [] };
    const broken = addCounts(comparison, { ...counted, notCompared: [{ ...id, kind: "broken", reason }] });
    expect(toOutcome(broken)).toBe("incomplete");
    // Lacking its time, too, it did not run once.
    const untimed = {
      ...comparison,
      cells: [],
      notCompared: [{ ...id, kind: "broken", reason: "r" } as const],
    };
    expect(
      addCounts(untimed, { ...counted, notCompared: [{ ...id, kind: "broken", reason }] }).notCompared,
    ).toHaveLength(1);
    const nowhere = addCounts(comparison, { ...counted, notCompared: [{ ...id, kind: "nowhere", reason }] });
    expect(toOutcome(nowhere)).toBe("pass");
  });
});

describe("cells that only the baseline has", () => {
  const cell = (backend: string, method: string, dtype = "float32", workload = "16x10") =>
    `${backend} ${method} ${dtype} ${workload}`;
  const [kept, naive, other] = ["manual/fused", "manual/naive", "autograd/naive"].map((method) =>
    cell("wasm-simd", method),
  ) as [string, string, string];
  const onCpu = cell("tfjs-cpu", "manual/naive");
  const [mine, gone] = [cell("javascript", "mine/loops"), cell("javascript", "mine/old")];

  it.each([
    ["nothing", [], [naive, other, onCpu]],
    ["a dtype", ["--dtype", "float32"], [naive, other, onCpu]],
    ["methods", ["--method", "manual/*"], [naive, onCpu]],
    ["all methods", ["--method", "all"], [naive, other, onCpu]],
    ["a backend", ["--backend", "wasm-simd"], [naive, other]],
    ["all backends", ["--backend", "all"], [naive, other, onCpu]],
    ["a host", ["--host", "node"], [naive, other, onCpu]],
    ["cells", ["--cell", `${kept},${naive}`], [naive]],
    ["another workload", ["--workload", "16x100"], []],
  ])("are named as far as they are asked for, by %s", (_, flags, dropped) => {
    const selection = { flags, isDefault: flags.length === 0 };
    expect(droppedCells([kept], [kept, naive, other, onCpu], selection, false)).toEqual(dropped);
  });

  it.each([
    ["nothing, which is their own methods", [], [gone]],
    ["their own methods", ["--method", "mine/*"], [gone]],
    ["a dtype, which leaves their own methods", ["--dtype", "float32"], [gone]],
    ["one of our methods, on backends that the candidate has", ["--method", "manual/naive"], [naive]],
    ["a backend, with methods that the candidate has", ["--backend", "wasm-simd,tfjs-cpu"], []],
    ["a backend and methods", ["--backend", "tfjs-cpu", "--method", "manual/*"], [onCpu]],
    ["cells", ["--cell", `${mine},${gone},${onCpu}`], [onCpu, gone]],
  ])("are named in a user's own repository, too: by %s", (_, flags, dropped) => {
    const isDefault = !["--method", "--backend", "--cell"].some((flag) => flags.includes(flag));
    const has = [kept, naive, other, onCpu, mine, gone];
    expect(droppedCells([kept, mine], has, { flags, isDefault }, true)).toEqual(dropped);
  });

  it.each([[[]], [["--dtype", "float32"]], [["--method", "manual/*"]], [["--host", "node"]]])(
    "are excluded from a gate and named, with %j",
    async (flags) => {
      const request = requestOf(flags, { only: "errors" });
      const { comparison } = await gateFakes(request, [kept], [kept, naive]);
      expect(comparison.notCompared.map((cell) => [cellKey(cell), cell.reason])).toEqual([
        [naive, "only the baseline has it"],
      ]);
    },
  );

  it("are listed on the hosts of cells that name them, as --host would", () => {
    const listed = (cells: readonly string[], flags: readonly string[]) =>
      baselineFlags(cells, { flags, named: [], isDefault: false }, false).join(" ");
    const inPage = cell("tfjs-cpu@chromium", "manual/fused");
    expect(listed([inPage], ["--cell", inPage])).toMatch(/ --host chromium$/);
    expect(listed([inPage, kept], ["--cell", `${inPage},${kept}`])).toMatch(/ --host chromium,node$/);
    expect(listed([kept], ["--cell", kept])).not.toContain("--host");
    expect(listed([kept], ["--host", "node=/opt/node"])).toMatch(/ --host node=\/opt\/node$/);
  });
});

describe("a backend that was asked for by name", () => {
  const notCompared = ["tfjs-wasm", "tfjs-wasm@chromium", "tfjs-wasm@firefox"].map(
    (backend) =>
      ({
        backend,
        method: "manual/fused",
        dtype: "float32",
        workload: "4x3",
        kind: "nowhere",
        reason: "",
      }) as const,
  );
  const backends = [
    { id: "tfjs-wasm", status: "available" },
    ...["chromium", "firefox"].map((host) => ({
      id: "tfjs-wasm",
      host,
      status: "unavailable",
      reason: "r",
      remedy: "m",
    })),
  ];

  it.each([
    ["tfjs-wasm", ["nowhere", "broken", "broken"]],
    ["tfjs-wasm@chromium", ["nowhere", "broken", "nowhere"]],
    ["onnxruntime-cpu", ["nowhere", "nowhere", "nowhere"]],
  ])("must be there, on every host or on the one that was named: %s", (name, kinds) => {
    const gated = {
      comparison: { notCompared, cells: [], baseline: { name: "old" } },
      baseline: { backends },
      candidate: { backends },
    } as never;
    const selection = { flags: [], named: [name], isDefault: false };
    const lines: string[] = [];
    const found = withNamed(gated, { selection, say: (line) => lines.push(line) });
    expect(found.notCompared.map(({ kind }) => kind)).toEqual(kinds);
    expect(lines).toEqual(
      notCompared.flatMap(({ backend }, index) =>
        kinds[index] === "broken" ? [`gate: ${backend} is unavailable: r; m`] : [],
      ),
    );
  });
});

describe("what else the machine does", () => {
  const IN_PAGES = "wasm-simd@chromium manual/fused float32 16x10";

  it("is watched, beside a browser as far as it can be, and the outcome says how far", async () => {
    const state = { loadAverage: 0, windowNs: 1e9, otherCores: 0 };
    const noise = { before: state, during: [state] };
    expect(explainUnwatched([CELL], noise)).toEqual([]);
    expect(explainUnwatched([CELL, IN_PAGES], noise)).toEqual([
      "Of other work on the machine, only that of programs was watched that had begun before a block: a browser measured.",
    ]);
    const unknown = { before: state, during: [state, { loadAverage: 0 }] };
    expect(explainUnwatched([CELL], unknown)).toEqual([
      "Other work on the machine was not watched: this system does not show it.",
    ]);
    for (const cells of [[CELL], [CELL, IN_PAGES]]) {
      const watch = watchFor(cells);
      await watch.begin();
      await watch.end();
      expect(watch.noise?.during).toHaveLength(1);
    }
  });

  it("is in the results of both sides, so that reports and histories of a gate know it", async () => {
    const request = requestOf([]);
    const gated = await gateFakes(request, [CELL], [CELL]);
    // A window for each block.
    expect(gated.baseline.noise?.during).toHaveLength(ROUTING_BLOCKS);
    expect(gated.candidate.noise).toEqual(gated.baseline.noise);
  });
});
