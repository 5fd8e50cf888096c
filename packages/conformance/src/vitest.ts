import {
  computeGradient,
  DTYPE_IDS,
  type FloatDType,
  findWorkload,
  floatArray,
  type GradientFunction,
  generateInputs,
  plural,
  USUAL_DTYPE_IDS,
  WORKLOADS,
  type Workload,
} from "@softmax-bench/core";
import { assessLoss, FORMATS, oracle, roundReference, ulpDistance } from "@softmax-bench/numerics";
import { expect } from "vitest";

/** The limit of `toMatchOracle`, and the inputs on which it holds. */
export interface OracleOptions {
  /** Largest distance of an entry of the gradient from the correctly rounded one, in ULP of the dtype. */
  readonly maxUlp: number;
  /** Default: float32 and float64. */
  readonly dtypes?: readonly FloatDType[];
  /** Ids of workloads, or shapes NxC of standard normal logits. Default: 16x10. */
  readonly workloads?: readonly string[];
  /** Seed of the inputs. Default: 0. */
  readonly seed?: number;
}

/** What is wrong with a result on one workload. */
interface Deviation {
  /** Of the worst entry of the gradient; Infinity if it is not a number, or if the loss is wrong. */
  readonly ulp: number;
  readonly found: string;
}

expect.extend({
  toMatchOracle(received: unknown, options: OracleOptions) {
    requireOptions(options);
    if (typeof received !== "function") {
      const got = received === null ? "null" : typeof received;
      return {
        pass: false,
        message: () => `expected a function of { logits, labels, rows, classes, … }, got ${got}`,
      };
    }
    const { maxUlp, dtypes = USUAL_DTYPE_IDS, workloads = ["16x10"], seed = 0 } = options;
    const worst = workloads
      .map(requireWorkload)
      .flatMap((workload) =>
        dtypes.map((dtype) => findDeviation(received as GradientFunction, workload, dtype, seed)),
      )
      .reduce((a, b) => (b.ulp > a.ulp ? b : a));
    return {
      pass: worst.ulp <= maxUlp,
      message: () => `expected ${this.isNot ? "more than" : "at most"} ${maxUlp} ULP; ${worst.found}`,
    };
  },
});

declare module "vitest" {
  interface Matchers<T> {
    /**
     * Passes if a gradient of softmax cross-entropy in plain JavaScript, a function of `{ logits, labels, rows, classes, dtype,
     * gradient }` that returns `{ loss, gradient }`, is within a distance of the exact one. The loss has to be right, too.
     */
    toMatchOracle(options: OracleOptions): T;
  }
}

/** @throws TypeError if the limit is no number, or a dtype is none */
function requireOptions(options: Partial<OracleOptions> | undefined): void {
  const { maxUlp, dtypes = [] } = options ?? {};
  if (typeof maxUlp !== "number" || !(maxUlp >= 0)) {
    throw new TypeError(`toMatchOracle: maxUlp: expected a number, 0 or more, got ${maxUlp}`);
  }
  const unknown = dtypes.find((dtype) => !DTYPE_IDS.includes(dtype));
  if (unknown !== undefined) {
    throw new TypeError(`toMatchOracle: dtypes: expected ${DTYPE_IDS.join(", ")}, got ${unknown}`);
  }
}

/** @throws RangeError if there is no such workload */
function requireWorkload(id: string): Workload {
  const workload = findWorkload(id);
  if (workload) return workload;
  throw new RangeError(
    `no workload "${id}"; there are ${WORKLOADS.map((one) => one.id).join(", ")}, and shapes such as 64x1000`,
  );
}

function findDeviation(
  compute: GradientFunction,
  workload: Workload,
  dtype: FloatDType,
  seed: number,
): Deviation {
  const { rows, classes } = workload;
  const { logits, labels } = generateInputs(workload, dtype, seed);
  const gradient = floatArray(dtype, rows * classes);
  const problem = { logits, labels: labels as Int32Array, rows, classes, dtype, gradient };
  const loss = computeGradient(compute, problem, "the function");
  const reference = oracle({ rows, classes, logits, labels });
  const where = `on ${workload.id} in ${dtype}`;
  const lossError = assessLoss(Float64Array.of(loss), reference);
  // A sum of N rows' losses, each the logarithm of a sum of C exponentials: several times its roundings.
  if (!(lossError <= 8 * (rows + classes) * FORMATS[dtype].unitRoundoff)) {
    return {
      ulp: Number.POSITIVE_INFINITY,
      found: `the loss ${where} is ${loss}, and not ${reference.loss.hi[0]}`,
    };
  }
  const exact = roundReference(reference.gradient, dtype);
  let [worst, at] = [-1, 0];
  for (const [index, value] of gradient.entries()) {
    const ulp = ulpDistance(value, exact[index] as number, FORMATS[dtype]);
    if (ulp > worst) [worst, at] = [ulp, index];
  }
  const entry = `[${Math.floor(at / classes)}, ${at % classes}]`;
  return {
    ulp: worst,
    found: `the entry ${entry} of the gradient ${where} is ${gradient[at]}, ${plural(worst, "ULP", "ULP")} from ${exact[at]}`,
  };
}
