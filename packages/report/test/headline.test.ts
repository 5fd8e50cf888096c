import { describe, expect, it } from "vitest";
import { collectQuestions, DEFAULT_CONSTRAINTS, headline, recommendEach } from "../src/model.js";
import { absent, backend, measured, RESOLUTION, resultsOf } from "./support/results.js";

const OUTSIDE = { relL2: 0.02 };
const on = (id: string) => backend({ id });
const BACKENDS = ["a", "b", "b@chromium", "b@firefox"].map(on);

const cellOf = (
  id: string,
  workload: string,
  us: number,
  over: Parameters<typeof measured>[1] & { method?: string; dtype?: "float32" | "float64" } = {},
) => {
  const { method = "manual/fused", dtype = "float32", ...measurement } = over;
  return measured(method, { us, error: { relL2: 1e-17 }, ...measurement }, { backend: id, workload, dtype });
};

function headlineOf(cells: ReturnType<typeof measured>[], over: Partial<typeof DEFAULT_CONSTRAINTS> = {}) {
  const resolution = {
    groups: BACKENDS.flatMap(({ id }) =>
      ["x", "y", "z"].map((workload) => ({
        backend: id,
        workload,
        phase: "gradient" as const,
        ratio: 0.02,
        processes: 5,
      })),
    ),
    identicalPairs: [],
  };
  const results = resultsOf({ backends: BACKENDS, cells, resolution });
  const constraints = { ...DEFAULT_CONSTRAINTS, ...over };
  return headline(recommendEach(collectQuestions(results), results, constraints), constraints, results.run);
}

const sentenceOn = (...cells: ReturnType<typeof measured>[]) => headlineOf(cells)?.sentence;

describe("the headline of a run", () => {
  it("counts where the fastest backend wins, and names the exceptions", () => {
    expect(
      sentenceOn(cellOf("a", "x", 1), cellOf("b", "x", 2), cellOf("a", "y", 1), cellOf("b", "z", 1)),
    ).toBe("a is the fastest within the error bound on 2 of 3 workloads; b on z float32.");
  });

  it("counts dtypes where there are several", () => {
    expect(sentenceOn(cellOf("a", "x", 1), cellOf("a", "x", 1, { dtype: "float64" }))).toBe(
      "a is the fastest within the error bound on all 2 workloads and dtypes.",
    );
  });

  it("names the only workload", () => {
    expect(sentenceOn(cellOf("a", "x", 1), cellOf("b", "x", 2))).toBe(
      "a is the fastest within the error bound on x float32.",
    );
  });

  it("counts a backend on all its hosts, and says which ones", () => {
    expect(
      sentenceOn(cellOf("b@chromium", "x", 1), cellOf("b@chromium", "y", 1), cellOf("b@firefox", "z", 1)),
    ).toBe("b (in chromium on 2, in firefox on 1) is the fastest within the error bound on all 3 workloads.");
    expect(sentenceOn(cellOf("b@firefox", "z", 1))).toMatch(/^b in firefox is the fastest/);
  });

  it("says where there is no winner", () => {
    expect(sentenceOn(cellOf("a", "x", 1), cellOf("a", "y", 1, { error: OUTSIDE }))).toBe(
      "a is the fastest within the error bound on 1 of 2 workloads; no winner on y float32.",
    );
  });

  it("says why there is no winner at all", () => {
    expect(sentenceOn(cellOf("a", "x", 1, { time: { steadiness: "unsettled" } }))).toBe(
      "No winner on x float32: no gradient within the error bound has settled times.",
    );
    expect(sentenceOn(absent("stable", "crashed", "SIGSEGV"))).toBe(
      "No cell was measured on square float32.",
    );
    const software = backend({ id: "gpu", device: { kind: "software-gpu", name: "SwiftShader" } });
    const results = resultsOf({
      backends: [software],
      cells: [cellOf("gpu", "x", 1)],
      resolution: RESOLUTION,
    });
    const recommendations = recommendEach(collectQuestions(results), results, DEFAULT_CONSTRAINTS);
    expect(headline(recommendations, DEFAULT_CONSTRAINTS, results.run)?.sentence).toContain(
      "on a GPU in software",
    );
    expect(sentenceOn(cellOf("a", "x", 1, { error: OUTSIDE }), cellOf("a", "y", 1, { error: OUTSIDE }))).toBe(
      "No winner on any of 2 workloads: no gradient is within the error bound.",
    );
  });

  it("does not deny what was measured where nothing of it can win", () => {
    const torch = backend({ id: "torch", reference: true });
    const gpu = backend({ id: "gpu", device: { kind: "software-gpu", name: "SwiftShader" } });
    const sentenceOf = (...cells: ReturnType<typeof measured>[]) => {
      const results = resultsOf({ backends: [torch, gpu], cells });
      const recommendations = recommendEach(collectQuestions(results), results, DEFAULT_CONSTRAINTS);
      return headline(recommendations, DEFAULT_CONSTRAINTS, results.run)?.sentence;
    };
    expect(sentenceOf(cellOf("torch", "x", 1), cellOf("torch", "y", 1))).toBe(
      "No winner on any of 2 workloads: only references were measured.",
    );
    expect(sentenceOf(cellOf("torch", "x", 1), cellOf("gpu", "x", 1))).toBe(
      "No winner on x float32: only references and GPUs in software were measured.",
    );
  });

  it("is not final while the run lacks measurements", () => {
    const results = resultsOf({
      backends: BACKENDS,
      cells: [cellOf("a", "x", 1)],
      run: { status: "interrupted" },
    });
    const constraints = { ...DEFAULT_CONSTRAINTS, phase: "roundtrip" } as const;
    const gradients = recommendEach(collectQuestions(results), results, DEFAULT_CONSTRAINTS);
    expect(headline(gradients, DEFAULT_CONSTRAINTS, results.run)?.sentence).toMatch(
      /^a is the fastest so far within/,
    );
    expect(headline(gradients, constraints, results.run)?.sentence).toMatch(
      /^a is the fastest round trip so far within/,
    );
  });

  it("says that the cells are hidden where the reader hides them", () => {
    const all = resultsOf({ backends: BACKENDS, cells: [cellOf("a", "x", 1), cellOf("a", "y", 1)] });
    const sentenceOf = (hidden: typeof all) =>
      headline(
        recommendEach(collectQuestions(all), hidden, DEFAULT_CONSTRAINTS, all),
        DEFAULT_CONSTRAINTS,
        all.run,
      )?.sentence;
    expect(sentenceOf({ ...all, cells: [] })).toBe(
      "No winner on any of 2 workloads: every cell that could win is hidden.",
    );
    expect(sentenceOf({ ...all, cells: all.cells.slice(0, 1) })).toBe(
      "a is the fastest within the error bound on 1 of 2 workloads; no winner on y float32.",
    );
  });

  it("is none for a run without cells", () => {
    expect(headlineOf([])).toBeUndefined();
  });

  it("says what the reader asked for", () => {
    const trip = (id: string) => {
      const cell = cellOf(id, "x", 1);
      return { ...cell, timing: { ...cell.timing, roundtrip: cell.timing?.gradient } };
    };
    expect(headlineOf([trip("a")], { phase: "roundtrip", cpuOnly: true })?.sentence).toBe(
      "a is the fastest round trip on the CPU within the error bound on x float32.",
    );
  });

  it("counts ties with other backends, not those of one backend's methods or hosts", () => {
    expect(
      headlineOf([cellOf("a", "x", 100), cellOf("a", "x", 100.1, { method: "manual/other" })])?.ties,
    ).toBe(undefined);
    expect(headlineOf([cellOf("a", "x", 100), cellOf("b", "x", 100.1)])?.ties).toBe("It is tied with b.");
    expect(
      headlineOf([cellOf("a", "x", 100), cellOf("b", "x", 100.1), cellOf("a", "y", 1), cellOf("b", "y", 9)])
        ?.ties,
    ).toBe("On 1 of 2, a and b are tied.");
    const hosts = [cellOf("b@chromium", "x", 100), cellOf("b@firefox", "x", 100.1)];
    expect(headlineOf(hosts)?.ties).toBeUndefined();
    expect(headlineOf([...hosts, cellOf("a", "x", 100.2)])?.ties).toBe("It is tied with a.");
  });

  it("takes a method that is tied with the fastest on another host for one of the backend's", () => {
    const cells = [
      cellOf("b@chromium", "x", 100),
      cellOf("b@firefox", "x", 100.1, { method: "manual/other" }),
      cellOf("b@chromium", "y", 1, { method: "manual/other" }),
    ];
    expect(headlineOf(cells)?.method).toBe(
      "For b, manual/other is the fastest method, or tied with it, every time.",
    );
  });

  it("names the method that is the fastest, or tied with it, wherever the backend wins", () => {
    const both = (workload: string, first: number, second: number) => [
      cellOf("a", workload, first, { method: "manual/first" }),
      cellOf("a", workload, second, { method: "manual/second" }),
    ];
    expect(headlineOf([...both("x", 100, 200), ...both("y", 100, 200)])?.method).toBe(
      "For a, manual/first is the fastest method every time.",
    );
    expect(headlineOf([...both("x", 100, 100.1), ...both("y", 200, 100)])?.method).toBe(
      "For a, manual/second is the fastest method, or tied with it, every time.",
    );
    expect(headlineOf([...both("x", 100, 200), ...both("y", 200, 100)])?.method).toBeUndefined();
    expect(headlineOf(both("x", 100, 200))?.method).toBe("For a, the method is manual/first.");
  });
});
