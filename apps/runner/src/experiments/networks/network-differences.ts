import type { FloatArray, GradientsOverSeeds } from "@softmax-bench/core";
import { type Distance, distance, errorNorms } from "@softmax-bench/numerics";
import { median, medianAbsoluteDeviation } from "@softmax-bench/stats";

/** Gradients of one seed, each an array of the same numbers. */
export interface SeedGradients {
  readonly manual: FloatArray;
  readonly autograd: FloatArray;
  /** The automatic gradient with every sum in another order. */
  readonly reordered: FloatArray;
  readonly reference: Float64Array | undefined;
}

/** Distances of the gradients from each other and from the reference, from entry `start` up to `end`. */
export function differences(seeds: readonly SeedGradients[], start: number, end: number): GradientsOverSeeds {
  const parts = seeds.map(({ manual, autograd, reordered, reference }) => ({
    manual: manual.subarray(start, end),
    autograd: autograd.subarray(start, end),
    reordered: reordered.subarray(start, end),
    reference: reference?.subarray(start, end),
  }));
  const references = parts.flatMap(({ reference }) => reference ?? []);
  const relativeErrors = (method: "manual" | "autograd") =>
    overSeeds(
      parts.map((part, seed) => errorNorms(part[method], { hi: references[seed] as Float64Array }).relL2),
    );
  return {
    parameters: end - start,
    norm: overSeeds(parts.map(({ autograd }) => euclideanNorm(autograd))),
    distance: between(parts.map(({ manual, autograd }) => distance(manual, autograd))),
    reordering: between(parts.map(({ reordered, autograd }) => distance(reordered, autograd))),
    ...(references.length === parts.length
      ? { error: { manual: relativeErrors("manual"), autograd: relativeErrors("autograd") } }
      : {}),
  };
}

const between = (distances: readonly Distance[]): GradientsOverSeeds["distance"] => ({
  relL2: overSeeds(distances.map(({ relL2 }) => relL2)),
  maxUlp: overSeeds(distances.map(({ maxUlp }) => maxUlp)),
});

const overSeeds = (samples: number[]) => ({
  median: median(samples),
  mad: medianAbsoluteDeviation(samples),
  samples,
});

function euclideanNorm(values: FloatArray): number {
  let squares = 0;
  for (const value of values) squares += value * value;
  return Math.sqrt(squares);
}
