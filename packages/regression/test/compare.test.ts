import { type Accuracy, type Cell, machineId, type Results, type Timing } from "@softmax-bench/core";
import { compare, compareErrors, DEFAULT_LIMITS, toOutcome } from "@softmax-bench/regression";
import { describe, expect, it } from "vitest";

const accuracy = (over: Partial<Accuracy["gradient"]> = {}): Accuracy => ({
  lossRelError: 1e-8,
  gradient: {
    relL2: 4e-8,
    maxAbs: 1e-9,
    sumAbs: 1e-6,
    maxUlp: 12,
    p99Ulp: 5,
    medianUlp: 1,
    scaledMaxAbs: 6e-8,
    nonFinite: 0,
    rowSumResidual: 1e-9,
    boundRatio: 0.01,
    ...over,
  },
});
const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
const gradients = (letters: string, over: Partial<Accuracy["gradient"]> = {}) => ({
  digests: [...letters].map(digest),
  accuracies: [accuracy(over)],
});
const judge = (a: ReturnType<typeof gradients>, b: ReturnType<typeof gradients>, maxErrorGrowth = 1) =>
  compareErrors("float32", a, b, { ...DEFAULT_LIMITS, maxErrorGrowth });

describe("errors", () => {
  it("pass where the gradient is the same, bit for bit", () => {
    expect(judge(gradients("aaa"), gradients("a"))).toMatchObject({
      verdict: "pass",
      nondeterministic: false,
    });
  });

  it("fail beyond the analytic bound, even where nothing changed", () => {
    expect(judge(gradients("a"), gradients("a", { boundRatio: 1.5 }))).toMatchObject({
      verdict: "regression",
      reason: "an error is 1.5 times its analytic bound",
    });
    expect(judge(gradients("a"), gradients("a", { boundRatio: Number.POSITIVE_INFINITY })).verdict).toBe(
      "regression",
    );
  });

  it.each([
    ["1.9 times the error is another gradient, and allowed", { relL2: 1.9 * 2 ** -24 }, "changed"],
    ["more than twice the error is a regression", { relL2: 2.1 * 2 ** -24 }, "regression"],
    ["a relative error of 1e-6 in every entry shows in the median", { medianUlp: 12 }, "regression"],
    ["an error in one entry shows in the largest", { scaledMaxAbs: 1e-6 }, "regression"],
    ["a NaN is a regression", { nonFinite: 1 }, "regression"],
    ["a NaN is one where the norm is NaN, too", { nonFinite: 1, relL2: Number.NaN }, "regression"],
    ["an error of NaN is a regression by itself", { relL2: Number.NaN }, "regression"],
  ])("against the baseline: %s", (_, over, verdict) => {
    expect(judge(gradients("a", { relL2: 1e-8 }), gradients("b", over)).verdict).toBe(verdict);
  });

  it("take the largest error where processes disagree, and say so", () => {
    const varying = {
      digests: [digest("b"), digest("c")],
      accuracies: [accuracy(), accuracy({ relL2: 1e-5 })],
    };
    expect(judge(gradients("a"), varying)).toMatchObject({
      verdict: "regression",
      nondeterministic: true,
      candidate: 1e-5,
    });
    expect(judge(varying, varying)).toMatchObject({ verdict: "changed" });
  });

  it("may be held to no growth at all", () => {
    const [before, after] = [gradients("a", { relL2: 1e-6 }), gradients("b", { relL2: 1.01e-6 })];
    expect(judge(before, after).verdict).toBe("changed");
    expect(judge(before, after, 0).verdict).toBe("regression");
  });

  it("are undecided where another gradient was not compared with the oracle", () => {
    expect(judge(gradients("a"), { digests: [digest("b")], accuracies: [] })).toMatchObject({
      verdict: "inconclusive",
    });
  });
});

const cell = (over: Partial<Cell> = {}, medianNs = 1e6): Cell => ({
  backend: "b",
  method: "manual/fused",
  dtype: "float32",
  workload: "w",
  status: "ok",
  timing: {
    gradient: {
      medianNs,
      madNs: 0,
      coverage: 0.97,
      scope: "processes",
      samples: [],
      ci95Ns: [medianNs * 0.99, medianNs * 1.01],
      processMedians: new Array(6).fill(medianNs),
    },
  },
  accuracy: accuracy(),
  gradientDigest: digest("a"),
  ...over,
});

const results = (cells: Cell[], over: { cpu?: string; node?: string; version?: string } = {}): Results => ({
  schemaVersion: 1,
  run: {
    id: "r",
    startedAt: "2026-01-01T00:00:00.000Z",
    finishedAt: "2026-01-01T00:00:10.000Z",
    profile: "full",
    argv: [],
    commit: null,
  },
  environment: {
    cpu: over.cpu ?? "EPYC",
    cores: 2,
    memoryBytes: 1,
    os: "o",
    node: over.node ?? "v20",
    versions: {},
  },
  backends: [{ id: "b", status: "available", engine: { name: "runtime", version: over.version ?? "1.0" } }],
  cells,
  distances: [],
  resolution: {
    groups: [{ backend: "b", workload: "w", phase: "gradient", ratio: 0.01, processes: 6 }],
    identicalPairs: [],
  },
});
const compared = (a: Results, b: Results) =>
  compare(a, b, DEFAULT_LIMITS, { baseline: "main", candidate: "latest" });

describe("two results files", () => {
  it.each([
    [1, "pass"],
    [1.01, "pass"],
    [1.05, "inconclusive"],
    [1.12, "slower"],
    [1.2, "slower"],
    [0.8, "faster"],
  ])("of one machine, %d times as slow: %s, which is no judgement", (ratio, verdict) => {
    const comparison = compared(results([cell()]), results([cell({}, 1e6 * ratio)]));
    expect(comparison.cells[0]?.time?.verdict).toBe(verdict);
  });

  it("do not differ where both times are 0", () => {
    const [found] = compared(results([cell({}, 0)]), results([cell({}, 0)])).cells;
    expect(found?.time).toMatchObject({ verdict: "pass", slowdown: 0 });
  });

  it("warn of a machine that was busy, and of a run that was interrupted", () => {
    const state = { loadAverage: 1, windowNs: 1e9, otherCores: 0, steal: 0, spinNs: 1e6 };
    const busy = { ...results([cell()]), noise: { before: state, during: [{ ...state, otherCores: 1 }] } };
    expect(compared(results([cell()]), busy).warnings).toEqual([
      "latest: The machine was busy: other programs used 1.0 of 2 cores while this was measured. Repeat it when nothing else runs.",
    ]);
    expect(compared(results([cell()]), results([cell()])).warnings).toEqual([]);
    const interrupted = results([{ ...cell(), unfinished: true }]);
    expect(compared(results([cell()]), interrupted).warnings).toEqual([
      expect.stringMatching(/ was interrupted: 1 cell of it lacks processes\.$/),
    ]);
  });

  it("leave open what either run cannot resolve, and what runs drift by", () => {
    const coarse: Results = { ...results([cell({}, 1.15e6)]), resolution: undefined };
    const [found] = compared(results([cell()]), coarse).cells;
    expect(found?.time?.verdict).toBe("inconclusive");
    const [low, high] = found?.time?.interval ?? [];
    expect(low).toBeLessThan(0);
    expect(high).toBeGreaterThan(0.3);
  });

  it("conclude nothing from times that had not settled, or from few samples of one process", () => {
    const timed = (over: Partial<Timing>) => {
      const slow = cell({}, 2e6);
      return {
        ...slow,
        timing: { ...slow.timing, gradient: { ...(slow.timing?.gradient as Timing), ...over } },
      };
    };
    const verdictOf = (over: Partial<Timing>) =>
      compared(results([cell()]), results([timed(over)])).cells[0]?.time?.verdict;
    expect(verdictOf({ steadiness: "settled" })).toBe("slower");
    expect(verdictOf({ steadiness: "untested" })).toBe("slower");
    expect(verdictOf({ steadiness: "unsettled" })).toBe("inconclusive");
    expect(verdictOf({ steadiness: "untested", scope: "process" })).toBe("inconclusive");
    expect(
      compared(results([timed({ steadiness: "unsettled" })]), results([cell()])).cells[0]?.time,
    ).toMatchObject({
      verdict: "inconclusive",
      reason: "the times of the baseline had not settled",
    });
  });

  it("of two machines are not compared in time, and in error they are", () => {
    const comparison = compared(results([cell()]), results([cell({}, 3e6)], { cpu: "Xeon" }));
    expect(comparison.cells[0]).toMatchObject({ verdict: "pass", error: { verdict: "pass" } });
    expect(comparison.cells[0]?.time).toBeUndefined();
    expect(comparison.notes[0]).toBe(
      "Times are not compared, since the machines differ: processor EPYC → Xeon.",
    );
  });

  it("of other inputs are compared in time, and their errors with bounds alone", () => {
    const drawnFrom = (seed: number, cells: Cell[]): Results => {
      const drawn = results(cells);
      return { ...drawn, run: { ...drawn.run, seed } };
    };
    const other = (over: Partial<Accuracy["gradient"]>) =>
      cell({ gradientDigest: digest("b"), accuracy: accuracy({ relL2: 1e-3, ...over }) });
    const comparison = compared(
      drawnFrom(0, [cell()]),
      drawnFrom(7, [other({}), { ...other({ boundRatio: 2 }), workload: "w" }]),
    );
    expect(comparison.cells.map(({ time, error }) => [time?.verdict, error?.verdict])).toEqual([
      ["pass", "pass"],
      ["pass", "regression"],
    ]);
    expect(comparison.notes.join("\n")).toContain("drawn from seed 0 and from seed 7");
    const unbounded = compared(drawnFrom(0, [cell()]), drawnFrom(7, [other({ boundRatio: undefined })]));
    expect(unbounded.cells[0]?.error?.verdict).toBe("inconclusive");
    expect(compared(drawnFrom(7, [cell()]), drawnFrom(7, [other({})])).cells[0]?.error?.verdict).toBe(
      "regression",
    );
  });

  it("name the version that changed as the probable cause, on the cells that did", () => {
    const changed = cell({ gradientDigest: digest("b") });
    const same = cell({ method: "manual/naive" });
    const comparison = compared(results([cell(), same]), results([changed, same], { version: "1.1" }));
    expect(comparison.cells.map(({ verdict, causes }) => [verdict, causes])).toEqual([
      ["changed", ["runtime 1.0 → 1.1"]],
      ["pass", []],
    ]);
  });

  it.each([
    ["a cell that both have", [cell()], [cell()], "pass"],
    [
      "an error beyond its bound, and a crash",
      [cell(), cell({ method: "m" })],
      [
        cell({ accuracy: accuracy({ boundRatio: 2 }) }),
        cell({ method: "m", status: "crashed", reason: "x" }),
      ],
      "regression",
    ],
    ["a time that is twice as long", [cell()], [cell({}, 2e6)], "pass"],
    [
      "a time that is twice as long, and a crash",
      [cell(), cell({ method: "m" })],
      [cell({}, 2e6), cell({ method: "m", status: "crashed", reason: "x" })],
      "incomplete",
    ],
    ["only a cell that crashed", [cell()], [cell({ status: "crashed", reason: "x" })], "incomparable"],
    ["a backend that is gone", [cell()], [cell({ status: "unsupported", reason: "gone" })], "incomparable"],
    [
      "a backend that neither has",
      [cell({ status: "unsupported", reason: "n" })],
      [cell({ status: "unsupported", reason: "n" })],
      "incomparable",
    ],
    ["no cell in common", [cell()], [cell({ method: "m" })], "incomparable"],
    ["nothing", [], [], "incomparable"],
  ])("come to an outcome: %s", (_, a, b, outcome) => {
    expect(toOutcome(compared(results(a), results(b)))).toBe(outcome);
  });

  it("are incomparable if they are of two machines, whatever crashed; a gate of a file is incomplete", () => {
    const crashed = cell({ method: "m", status: "crashed", reason: "x" });
    const comparison = compared(
      results([cell(), cell({ method: "m" })]),
      results([cell(), crashed], { cpu: "Xeon" }),
    );
    expect(toOutcome(comparison)).toBe("incomparable");
    expect(toOutcome({ ...comparison, judges: true })).toBe("incomplete");
  });

  it("say on which side a cell broke", () => {
    const crashed = cell({ status: "crashed", reason: "x" });
    const sideOf = (a: Cell, b: Cell) => compared(results([a]), results([b])).notCompared[0]?.brokenIn;
    expect(sideOf(cell(), crashed)).toBe("candidate");
    expect(sideOf(cell(), cell({ status: "unsupported", reason: "gone" }))).toBe("candidate");
    expect(sideOf(crashed, cell())).toBe("baseline");
  });
});

describe("two results files of several machines", () => {
  const machineOf = (cpu: string) => {
    const { environment } = results([], { cpu });
    return { id: machineId(environment), environment };
  };
  /** Results merged from several machines: the time of one cell in ms on each, by processor. */
  const merged = (times: Readonly<Record<string, number>>, version = "1.0"): Results => {
    const parts = Object.entries(times).map(([cpu, ms]) => {
      const { id: machine } = machineOf(cpu);
      const own = results([cell({ machine }, ms * 1e6)], { cpu, version });
      const backends = own.backends.map((backend) => ({ ...backend, machine }));
      const groups = own.resolution?.groups.map((group) => ({ ...group, machine })) ?? [];
      return { ...own, backends, resolution: { groups, identicalPairs: [] } };
    });
    return {
      ...(parts[0] as Results),
      machines: Object.keys(times).map(machineOf),
      backends: parts.flatMap(({ backends }) => backends),
      cells: parts.flatMap(({ cells }) => cells),
      resolution: { groups: parts.flatMap(({ resolution }) => resolution.groups), identicalPairs: [] },
    };
  };
  const verdicts = (a: Results, b: Results) =>
    compared(a, b).cells.map(({ backend, time }) => [backend, time?.verdict]);

  it("are compared machine by machine, in whatever order", () => {
    expect(verdicts(merged({ EPYC: 1, Xeon: 5 }), merged({ Xeon: 5, EPYC: 2 }))).toEqual([
      ["b (machine 1)", "pass"],
      ["b (machine 2)", "slower"],
    ]);
  });

  it("say which machine is which, and what else differs on each", () => {
    const { notes } = compared(merged({ EPYC: 1, Xeon: 5 }), merged({ EPYC: 1, Xeon: 5 }, "1.1"));
    expect(notes.slice(0, 2)).toEqual([
      `machine 1: ${machineOf("EPYC").id}.`,
      `machine 2: ${machineOf("Xeon").id}.`,
    ]);
    expect(notes.slice(-2)).toEqual([
      "What else differs on machine 1: runtime 1.0 → 1.1.",
      "What else differs on machine 2: runtime 1.0 → 1.1.",
    ]);
  });

  it("have no times to compare on machines that the other has not", () => {
    const comparison = compared(merged({ EPYC: 1, Xeon: 5 }), merged({ EPYC: 1, Zen: 5 }));
    expect(comparison.cells.map(({ time, error }) => [time?.verdict, error?.verdict])).toEqual([
      ["pass", "pass"],
      [undefined, "pass"],
    ]);
    expect(comparison.notes).toContain(
      "Times on machine 2 are not compared, since the machines differ: processor Xeon → Zen.",
    );
  });

  it("are compared with a run of one machine as that machine's", () => {
    const alone = results([cell({}, 5e6)], { cpu: "Xeon" });
    expect(verdicts(merged({ EPYC: 1, Xeon: 5 }), alone)).toEqual([["b", "pass"]]);
    expect(compared(merged({ EPYC: 1, Xeon: 5 }), alone).notes).toContain(
      `Not compared: cells of the baseline on ${machineOf("EPYC").id}.`,
    );
    expect(verdicts(alone, merged({ EPYC: 1, Xeon: 5 }))).toEqual([
      ["b (machine 1)", undefined],
      ["b (machine 2)", "pass"],
    ]);
  });
});
