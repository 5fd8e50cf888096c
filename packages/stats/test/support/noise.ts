import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";

/** Draws the next value of a stationary series with a standard deviation near 1. */
export type Noise = () => number;

/** Seeded noise of the kinds that times of benchmarks have. */
export function noiseOf(seed: number) {
  const generator = xoroshiro128plus(seed);
  const uniform = () => ((generator.next() >>> 0) + 0.5) / 2 ** 32;
  const normal = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  /** Student's t with 3 degrees of freedom, scaled to variance 1. */
  const student = () => normal() / Math.sqrt(normal() ** 2 + normal() ** 2 + normal() ** 2);
  /** Every tenth run is disturbed, which only adds: up to ten standard deviations. */
  const disturbed = () => normal() + (uniform() < 0.1 ? 10 * uniform() : 0);
  const autocorrelated = (rho: number, draw: Noise): Noise => {
    let value = draw();
    return () => {
      value = rho * value + Math.sqrt(1 - rho * rho) * draw();
      return value;
    };
  };
  return {
    normal: () => normal,
    "heavy-tailed (t₃)": () => student,
    "a tenth disturbed": () => disturbed,
    "autocorrelated (0.3)": () => autocorrelated(0.3, normal),
    "autocorrelated (0.5)": () => autocorrelated(0.5, normal),
    "autocorrelated (0.7)": () => autocorrelated(0.7, normal),
    "autocorrelated (0.3), a tenth disturbed": () => autocorrelated(0.3, disturbed),
  } as const satisfies Readonly<Record<string, () => Noise>>;
}

export type NoiseKind = keyof ReturnType<typeof noiseOf>;
