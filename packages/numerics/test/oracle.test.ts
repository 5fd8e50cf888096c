import { describe, expect, it } from "vitest";
import { oracle, type Problem } from "../src/index.js";
import { Decimal60, exact, expectWithin } from "./support/decimal.js";

const { NaN: nan, POSITIVE_INFINITY: infinity } = Number;

/** The reference of a float64 matrix given row by row. */
function reference(rows: number[][], labels: number[]) {
  const { loss, gradient } = oracle({
    rows: rows.length,
    classes: rows[0]?.length ?? 0,
    logits: Float64Array.from(rows.flat()),
    labels: Int32Array.from(labels),
  });
  return { loss: { hi: loss.hi[0] as number, lo: loss.lo[0] as number }, gradient };
}

describe("oracle, values known by hand", () => {
  it.for([2, 3, 10, 1000])("%i equal logits: loss ln C, gradient (1/C - [j = t]) / N", (classes) => {
    const labels = [0, classes - 1];
    const { loss, gradient } = reference(Array(2).fill(Array(classes).fill(0.7)), labels);
    expectWithin(-95, loss, new Decimal60(classes).ln());
    labels.forEach((label, row) => {
      for (let j = 0; j < classes; j++) {
        const k = row * classes + j;
        const entry = { hi: gradient.hi[k] as number, lo: gradient.lo[k] as number };
        const share = new Decimal60(1).div(classes);
        expectWithin(-95, entry, share.minus(j === label ? 1 : 0).div(2));
      }
    });
  });

  it("two classes: the gradient is the logistic function of the difference", () => {
    const { loss, gradient } = reference([[1.5, -0.25]], [1]);
    const odds = exact(1.75).exp();
    expectWithin(-95, loss, odds.plus(1).ln());
    const p = odds.div(odds.plus(1));
    expectWithin(-95, { hi: gradient.hi[0] as number, lo: gradient.lo[0] as number }, p);
    expectWithin(-95, { hi: gradient.hi[1] as number, lo: gradient.lo[1] as number }, p.neg());
  });

  it("keeps the target's gradient where softmax - 1 rounds to 0", () => {
    const { loss, gradient } = reference([[37.43, 0]], [0]);
    expect(gradient.hi[0]).toBeCloseTo(-5.55e-17, 19);
    expect(gradient.hi[0]).toBe(-(gradient.hi[1] as number));
    expect(loss.hi).toBeCloseTo(5.55e-17, 19);
  });

  it("one class: loss and gradient are 0, not -0", () => {
    const { loss, gradient } = reference([[5], [-3]], [0, 0]);
    expect(loss).toEqual({ hi: 0, lo: 0 });
    expect(Array.from(gradient.hi)).toEqual([0, 0]);
    expect(Array.from(gradient.lo)).toEqual([0, 0]);
  });

  it("takes float32 logits as exact", () => {
    const logits = Float32Array.of(0.1, 0.2, 0.3);
    const problem = { rows: 1, classes: 3, labels: Int32Array.of(2) };
    expect(oracle({ ...problem, logits })).toEqual(oracle({ ...problem, logits: Float64Array.from(logits) }));
  });
});

describe("oracle, logits that are not finite", () => {
  it("gives a class masked by -Infinity probability 0 and leaves the others as if it were absent", () => {
    const masked = reference([[1, -infinity, 2]], [2]);
    const without = reference([[1, 2]], [1]);
    expect(masked.loss).toEqual(without.loss);
    expect(Array.from(masked.gradient.hi)).toEqual([without.gradient.hi[0], 0, without.gradient.hi[1]]);
  });

  it("makes the loss Infinity, and the target's gradient -1/N, where the target is masked", () => {
    const { loss, gradient } = reference([[-infinity, 0, 0, 0]], [0]);
    expect(loss).toEqual({ hi: infinity, lo: 0 });
    expect(gradient.hi[0]).toBe(-1);
    expect(gradient.hi[1]).toBeCloseTo(1 / 3, 15);
  });

  it.for([[nan], [infinity], [-infinity, -infinity]])("makes a row with %s, and the loss, NaN", (bad) => {
    const row = [...bad, ...(bad.length === 1 ? [1] : [])];
    const { loss, gradient } = reference([row, [1, 2]], [0, 1]);
    expect(loss.hi).toBeNaN();
    expect(Array.from(gradient.hi.subarray(0, 2))).toEqual([nan, nan]);
    expect(gradient.hi.subarray(2).every(Number.isFinite)).toBe(true);
  });

  it("falls back to a float64 loss where double-double splitting would overflow", () => {
    expect(reference([[1e300, -1e300]], [1]).loss).toEqual({ hi: 2e300, lo: 0 });
    expect(reference([[1e308, -1e308]], [1]).loss).toEqual({ hi: infinity, lo: 0 });
  });
});

describe("oracle, problems it refuses", () => {
  const logits = new Float64Array(6);
  const labels = Int32Array.of(0, 0);
  const good = { rows: 2, classes: 3, logits, labels };
  const probabilities = Float64Array.of(0.5, 0.25, 0.25, 1, 0, 0);
  const hint = (label: number) => `set ignoreIndex to ${label} if such rows are to be ignored`;

  it.for<[string, object]>([
    ["logits: expected 8 entries (2 × 4), got 6", { classes: 4 }],
    ["labels: expected 2, one for each row, got 1", { labels: Int32Array.of(0) }],
    [`labels: expected 0 to 2, got 3 in row 1; ${hint(3)}`, { labels: Int32Array.of(0, 3) }],
    [`labels: expected 0 to 2, got -1 in row 0; ${hint(-1)}`, { labels: Int32Array.of(-1, 0) }],
    [
      `labels: expected 0 to 2, got -1 in row 0; ${hint(-1)}`,
      { labels: Int32Array.of(-1, -100), ignoreIndex: -100 },
    ],
    ["rows: expected a positive integer, got 0", { rows: 0 }],
    ["classes: expected a positive integer, got 1.5", { classes: 1.5 }],
    ["labelSmoothing: expected a number from 0 to 1, got 1.5", { labelSmoothing: 1.5 }],
    ["labelSmoothing: expected a number from 0 to 1, got -0.1", { labelSmoothing: -0.1 }],
    ["labelSmoothing: expected a number from 0 to 1, got NaN", { labelSmoothing: Number.NaN }],
    ["labelSmoothing: expected a number from 0 to 1, got 0.1", { labelSmoothing: "0.1" }],
    ['reduction: expected "mean", "sum" or "none", got "max"', { reduction: "max" }],
    ["ignoreIndex: expected an integer of 32 bits, got 0.5", { ignoreIndex: 0.5 }],
    ["weights: expected 3 entries, got 1", { weights: Float64Array.of(1) }],
    ["weights: expected finite numbers of 0 or more, got -1 at 1", { weights: Float64Array.of(1, -1, 1) }],
    [
      "weights: expected finite numbers of 0 or more, got NaN at 2",
      { weights: Float64Array.of(1, 1, Number.NaN) },
    ],
    [
      "labels (probabilities; an Int32Array for classes): expected finite numbers of 0 or more, got -0.5 at 5",
      { labels: probabilities.with(5, -0.5) },
    ],
    [
      "labels (probabilities; an Int32Array for classes): expected finite numbers of 0 or more, got Infinity at 0",
      { labels: probabilities.with(0, Number.POSITIVE_INFINITY) },
    ],
    [
      "labels (probabilities; an Int32Array for classes): expected 6 entries, got 3",
      { labels: new Float64Array(3) },
    ],
    [
      "labels (probabilities; an Int32Array for classes): expected a Float32Array or a Float64Array, got Array",
      { labels: [0, 0] },
    ],
    [
      "ignoreIndex: expected with labels that are indices only, got it with probabilities",
      { labels: probabilities, ignoreIndex: 0 },
    ],
    [
      'upstream: expected with reduction "none" only, got it with "mean"',
      { upstream: Float64Array.of(1, 1) },
    ],
    [
      "upstream: expected 2 entries (one for each row), got 1",
      { upstream: Float64Array.of(1), reduction: "none" },
    ],
  ])("%s", ([message, changed]) => {
    const refused = () => oracle({ ...good, ...changed } as Problem);
    expect(refused).toThrow(message.includes("got Array") ? new TypeError(message) : new RangeError(message));
  });

  it("keeps the gradient of some rows, as they are among all", () => {
    const logits = Float64Array.from({ length: 20 }, (_, index) => Math.sin(index));
    const labels = Int32Array.of(0, 3, 1, 2, 3);
    const problem = { rows: 5, classes: 4, logits, labels };
    const all = oracle(problem);
    const some = oracle(problem, Int32Array.of(1, 4));
    expect(some.rows).toBe(2);
    expect(some.loss).toEqual(all.loss);
    const expected = [...all.gradient.hi.subarray(4, 8), ...all.gradient.hi.subarray(16, 20)];
    expect([...some.gradient.hi]).toEqual(expected);
  });
});
