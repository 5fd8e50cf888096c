import { expect, it } from "vitest";
import { assessGradient, oracle, roundReference } from "../dist/index.js";

const ROWS = 1000;
const CLASSES = 2000;
const ELEMENTS = ROWS * CLASSES;

/** Median of three timings, in elements per second. */
function throughput(run: () => void): number {
  const seconds = [0, 1, 2].map(() => {
    const start = performance.now();
    run();
    return (performance.now() - start) / 1000;
  });
  const [, median = Number.NaN] = seconds.toSorted((a, b) => a - b);
  return ELEMENTS / median;
}

// The bounds fail on an allocation per element.
it("oracle and assessGradient take millions of elements per second", { tags: "nightly" }, () => {
  const logits = Float32Array.from({ length: ELEMENTS }, (_, i) => 8 * Math.sin(i * i));
  const labels = Int32Array.from({ length: ROWS }, (_, row) => (row * 7919) % CLASSES);
  const problem = { rows: ROWS, classes: CLASSES, logits, labels };
  const reference = oracle(problem);
  const computed = roundReference(reference.gradient, "float32");

  const oracleRate = throughput(() => oracle(problem));
  const smoothedRate = throughput(() => oracle({ ...problem, labelSmoothing: 0.1 }));
  const assessRate = throughput(() => assessGradient(computed, reference));
  const millions = (rate: number) => (rate / 1e6).toFixed(1);
  console.log(
    `oracle ${millions(oracleRate)} M/s, smoothed ${millions(smoothedRate)} M/s, assessGradient ${millions(assessRate)} M/s`,
  );
  expect(oracleRate).toBeGreaterThan(2e6);
  expect(smoothedRate).toBeGreaterThan(2e6);
  expect(assessRate).toBeGreaterThan(2e6);
});
