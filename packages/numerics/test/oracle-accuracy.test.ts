import type { Decimal } from "decimal.js";
import fc from "fast-check";
import { describe, it } from "vitest";
import { oracle } from "../src/index.js";
import { Decimal60, exact, expectWithin, log1p } from "./support/decimal.js";

/** Required of every gradient entry and of the loss: 2^-95 relative, plus one underflow of 2^-1074. */
const BITS = -95;
/** Of each family, in `pnpm test` and every night. */
const [FEW_ROWS, ROWS] = [400, 1300];
const SEED = 425;

interface Row {
  readonly logits: readonly number[];
  readonly label: number;
}

const ONE = new Decimal60(1);
const ZERO = new Decimal60(0);

function exponential(x: Decimal): Decimal {
  return x.isZero() ? ONE : x.exp();
}

/** The loss ln sum_j e^(x_j - x_t) and the gradient of one row, from their definitions in 60 digits. */
function expectedRow({ logits, label }: Row): { loss: Decimal; gradient: Decimal[] } {
  const target = exact(logits[label] as number);
  const odds = logits.map((logit) => exponential(exact(logit).minus(target)));
  const others = odds.reduce((sum, odd, j) => (j === label ? sum : sum.plus(odd)), ZERO);
  const partition = others.plus(1);
  const gradient = odds.map((odd, j) => (j === label ? others.neg() : odd).div(partition));
  return { loss: log1p(others), gradient };
}

function expectAccurate(rows: readonly Row[], ArrayType: typeof Float32Array | typeof Float64Array): void {
  const classes = rows[0]?.logits.length as number;
  const logits = ArrayType.from(rows.flatMap((row) => row.logits));
  const labels = Int32Array.from(rows, (row) => row.label);
  const { loss, gradient } = oracle({ rows: rows.length, classes, logits, labels });

  let totalLoss = ZERO;
  rows.forEach(({ label }, i) => {
    const given = Array.from(logits.subarray(i * classes, (i + 1) * classes));
    const expected = expectedRow({ logits: given, label });
    totalLoss = totalLoss.plus(expected.loss);
    expected.gradient.forEach((entry, j) => {
      const k = i * classes + j;
      const actual = { hi: gradient.hi[k] as number, lo: gradient.lo[k] as number };
      expectWithin(BITS, actual, entry.div(rows.length));
    });
  });
  const actual = { hi: loss.hi[0] as number, lo: loss.lo[0] as number };
  expectWithin(BITS, actual, totalLoss.div(rows.length));
}

/** Rows whose logits at the given positions come from `logits` and whose label is any class. */
const rowOf = (...logits: fc.Arbitrary<number>[]): fc.Arbitrary<Row> =>
  fc.record({ logits: fc.tuple(...logits), label: fc.nat({ max: logits.length - 1 }) });

const between = (min: number, max: number) => fc.double({ min, max, noNaN: true });
const ordinary = between(-10, 10);
const never = fc.constant(0);

const families: Record<string, fc.Arbitrary<Row>> = {
  "ordinary logits": rowOf(ordinary, ordinary, ordinary),
  "two classes": rowOf(between(-40, 40), between(-40, 40)),
  "one class": rowOf(ordinary),
  "all logits equal": ordinary.chain((x) => rowOf(...Array<fc.Arbitrary<number>>(3).fill(fc.constant(x)))),
  "two logits tied for the largest": ordinary.chain((x) =>
    rowOf(fc.constant(x), fc.constant(x), between(x - 30, x)),
  ),
  "one dominant logit": rowOf(between(30, 300), ordinary, never),
  "probabilities down to 1e-300": rowOf(never, between(-690, -600)),
  "cancellation at the target": rowOf(between(20, 60), never).map((row) => ({ ...row, label: 0 })),
  "large offsets": between(-1e6, 1e6).chain((offset) =>
    fc
      .tuple(between(offset - 5, offset + 5), between(offset - 5, offset + 5))
      .chain(([a, b]) => rowOf(fc.constant(offset), fc.constant(a), fc.constant(b))),
  ),
};

describe(`oracle against 60-digit decimals, within 2^${BITS}`, () => {
  describe.each([
    [FEW_ROWS, {}],
    [ROWS, { tags: "nightly" }],
  ])("in %i rows", (numRuns, options) => {
    it.for(Object.entries(families))("%s, float64", options, ([, family]) => {
      expectAccurate(fc.sample(family, { numRuns, seed: SEED }), Float64Array);
    });
  });

  it("ordinary logits, float32", () => {
    const family = rowOf(ordinary, ordinary, ordinary);
    expectAccurate(fc.sample(family, { numRuns: 200, seed: SEED }), Float32Array);
  });

  it("the loss of single rows, however small", () => {
    for (const lead of [0, 1e-9, 0.5, 2, 20, 37.43, 80, 200, 500, 690]) {
      for (const label of [0, 1]) expectAccurate([{ logits: [lead, 0, -1], label }], Float64Array);
    }
  });

  it("long rows, in which every probability is summed", () => {
    const row = fc.array(ordinary, { minLength: 600, maxLength: 600, size: "max" });
    const [logits = []] = fc.sample(row, { numRuns: 1, seed: SEED });
    expectAccurate([{ logits, label: 17 }], Float64Array);
  });
});
