import { readFileSync } from "node:fs";
import type { Decimal } from "decimal.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { oracle, type Problem } from "../src/index.js";
import { Decimal60, decimalOf } from "./support/decimal.js";
import { definitionOf } from "./support/definition.js";

/** Required of every loss, and of every gradient entry relative to its two terms. */
const BITS = -95;
const SEED = 426;

const between = (min: number, max: number) => fc.double({ min, max, noNaN: true });

/** Everyday logits, tied ones, offset ones, and rows with one far above or far below. */
const logit = fc.oneof(
  between(-10, 10),
  fc.constantFrom(0, 1, -3),
  between(-300, 300),
  between(1e5, 1e5 + 8),
);
const weight = fc.oneof(between(1e-6, 3), fc.constant(0), between(1e-12, 1e-9));
const probability = fc.oneof(between(1e-12, 1), fc.constant(0), fc.constant(1));
const IGNORED = -100;

const problems: fc.Arbitrary<Problem> = fc
  .record({ rows: fc.integer({ min: 1, max: 4 }), classes: fc.integer({ min: 1, max: 5 }) })
  .chain(({ rows, classes }) => {
    const floats = (values: fc.Arbitrary<number>, length: number) =>
      fc.array(values, { minLength: length, maxLength: length }).map((array) => Float64Array.from(array));
    const label = fc.oneof({ arbitrary: fc.nat({ max: classes - 1 }), weight: 4 }, fc.constant(IGNORED));
    return fc.record({
      rows: fc.constant(rows),
      classes: fc.constant(classes),
      logits: floats(logit, rows * classes),
      labels: fc.oneof(
        fc.array(label, { minLength: rows, maxLength: rows }).map((array) => Int32Array.from(array)),
        floats(probability, rows * classes),
      ),
      weights: fc.option(floats(weight, classes), { nil: undefined }),
      labelSmoothing: fc.constantFrom(0, 0, 0.1, 1e-9, 0.5, 1),
      reduction: fc.constantFrom("mean" as const, "sum" as const, "none" as const),
      upstream: floats(between(-2, 2), rows),
    });
  })
  .map(({ upstream, ...problem }) => ({
    ...problem,
    ...(problem.labels instanceof Int32Array ? { ignoreIndex: IGNORED } : {}),
    ...(problem.reduction === "none" ? { upstream } : {}),
  }));

/** A few roundings to the subnormal grid, one of them times a weight. */
const UNDERFLOW = new Decimal60(2).pow(-1070);

function expectClose(actual: { hi: number; lo: number }, expected: Decimal, scale: Decimal): void {
  // A division by weights that sum to 0: PyTorch's is NaN even where something is divided.
  if (!expected.isFinite()) return void expect(actual.hi).toBeNaN();
  const error = decimalOf(actual).minus(expected).abs();
  const allowed = new Decimal60(2).pow(BITS).mul(scale.abs()).plus(UNDERFLOW);
  if (error.gt(allowed))
    expect.fail(`${actual.hi} differs from ${expected} by ${error}, more than ${allowed}`);
}

function expectAccurate(problem: Problem): void {
  const { loss, gradient } = oracle(problem);
  const expected = definitionOf(problem);
  for (const [i, value] of expected.loss.entries()) {
    expectClose({ hi: loss.hi[i] as number, lo: loss.lo[i] as number }, value, value);
  }
  for (const [i, value] of expected.gradient.entries()) {
    const actual = { hi: gradient.hi[i] as number, lo: gradient.lo[i] as number };
    if (isIgnored(problem, Math.floor(i / problem.classes))) expect(actual).toEqual({ hi: 0, lo: 0 });
    else expectClose(actual, value, expected.scale[i] as Decimal);
  }
}

const isIgnored = ({ labels, ignoreIndex }: Problem, row: number): boolean =>
  labels instanceof Int32Array && labels[row] === ignoreIndex;

describe("oracle, options of the loss", () => {
  const expectAllAccurate = (numRuns: number): void =>
    fc.assert(fc.property(problems, expectAccurate), { numRuns, seed: SEED });
  const claim = `is within 2^${BITS} of the definition in 60-digit decimals, all options at random: %i problems`;
  it.each([500])(claim, expectAllAccurate);
  it.each([2000])(claim, { tags: "nightly", timeout: 300_000 }, expectAllAccurate);

  it("takes rows that are asked for, for smoothed labels too", () => {
    const logits = Float64Array.from({ length: 20 }, (_, index) => Math.sin(index));
    const problem = { rows: 5, classes: 4, logits, labels: Int32Array.of(0, 3, -1, 2, 3), ignoreIndex: -1 };
    const all = oracle({ ...problem, labelSmoothing: 0.1 });
    const some = oracle({ ...problem, labelSmoothing: 0.1 }, Int32Array.of(2, 3));
    expect([...some.gradient.hi]).toEqual([...all.gradient.hi.subarray(8, 16)]);
    expect(some.loss).toEqual(all.loss);
  });

  it("a masked class of no weight adds nothing; one of some weight makes the loss Infinity", () => {
    const masked = { rows: 1, classes: 3, logits: Float64Array.of(1, Number.NEGATIVE_INFINITY, 2) };
    const { loss } = oracle({ ...masked, labels: Float64Array.of(0.5, 0, 0.5) });
    const without = oracle({
      rows: 1,
      classes: 2,
      logits: Float64Array.of(1, 2),
      labels: Float64Array.of(0.5, 0.5),
    });
    expect(loss).toEqual(without.loss);
    expect(oracle({ ...masked, labels: Int32Array.of(0), labelSmoothing: 0.1 }).loss.hi[0]).toBe(Infinity);
  });
});

type Value = number | "NaN" | "Infinity" | "-Infinity";

interface Vector {
  readonly name: string;
  readonly problem: {
    readonly rows: number;
    readonly classes: number;
    readonly logits: Value[];
    readonly labels: number[];
    readonly weights?: number[];
    readonly upstream?: number[];
    readonly ignoreIndex?: number;
    readonly labelSmoothing?: number;
    readonly reduction: "mean" | "sum" | "none";
  };
  readonly loss: Value[];
  readonly gradient?: Value[];
}

function problemOf({ problem }: Vector): Problem {
  const { labels, weights, upstream, logits, ...others } = problem;
  return {
    ...others,
    logits: Float64Array.from(logits, Number),
    labels: labels.length === others.rows ? Int32Array.from(labels) : Float64Array.from(labels),
    ...(weights ? { weights: Float64Array.from(weights) } : {}),
    ...(upstream ? { upstream: Float64Array.from(upstream) } : {}),
  };
}

describe.each([
  ["pytorch.json", 1e-13],
  ["pytorch_edges.json", 1e-13],
  ["onnx.json", 2e-6],
] as const)("vectors of others: %s", (file, tolerance) => {
  const { vectors, source }: { vectors: Vector[]; source: string } = JSON.parse(
    readFileSync(new URL(`./fixtures/${file}`, import.meta.url), "utf8"),
  );
  it.each(vectors.map((vector) => [vector.name, vector] as const))(`${source}: %s`, (_, vector) => {
    const { loss, gradient } = oracle(problemOf(vector));
    const expectNear = (actual: number, expected: number) => {
      if (!Number.isFinite(expected)) return void expect(actual).toBe(expected);
      expect(Math.abs(actual - expected)).toBeLessThanOrEqual(tolerance * Math.max(1, Math.abs(expected)));
    };
    expect(loss.hi).toHaveLength(vector.loss.length);
    for (const [i, value] of vector.loss.entries()) expectNear(loss.hi[i] as number, Number(value));
    for (const [i, value] of (vector.gradient ?? []).entries()) {
      expectNear(gradient.hi[i] as number, Number(value));
    }
  });
});
