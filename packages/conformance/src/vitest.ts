import { inspect } from "node:util";
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

/** The largest deviation of a result on one workload. */
interface Deviation {
  /** Of the worst entry of the gradient; Infinity if it is not a number, or if the loss is wrong. */
  readonly ulp: number;
  readonly found: string;
}

expect.extend({
  toMatchOracle(received: unknown, options: OracleOptions) {
    requireFunction(received);
    const { maxUlp, dtypes, workloads, seed } = checkOptions(options);
    const worst = workloads
      .map(requireWorkload)
      .flatMap((workload) => dtypes.map((dtype) => findDeviation(received, workload, dtype, seed)))
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

/** @throws TypeError if a value is no function: thrown, because `not` would pass on a mismatch */
function requireFunction(received: unknown): asserts received is GradientFunction {
  if (typeof received === "function") return;
  throw wrong("", "a function of { logits, labels, rows, classes, … }", received);
}

/** Completes the options. @throws TypeError if one of them is wrong */
function checkOptions(options: unknown): Required<OracleOptions> {
  if (typeof options !== "object" || options === null)
    throw wrong("", "options such as { maxUlp: 4 }", options);
  const {
    maxUlp,
    dtypes = USUAL_DTYPE_IDS,
    workloads = ["16x10"],
    seed = 0,
  } = options as Partial<OracleOptions>;
  if (typeof maxUlp !== "number" || !(maxUlp >= 0)) throw wrong("maxUlp", "a number, 0 or more", maxUlp);
  for (const [name, list] of Object.entries({ dtypes, workloads })) {
    if (!Array.isArray(list) || list.length === 0) throw wrong(name, "a list of at least one", list);
  }
  const unknown = dtypes.findIndex((dtype) => !DTYPE_IDS.includes(dtype));
  if (unknown >= 0) throw wrong("dtypes", DTYPE_IDS.join(", "), dtypes[unknown]);
  if (!Number.isSafeInteger(seed)) throw wrong("seed", "a whole number", seed);
  return { maxUlp, dtypes, workloads, seed };
}

function wrong(option: string, expected: string, got: unknown): TypeError {
  return new TypeError(
    `toMatchOracle: ${option && `${option}: `}expected ${expected}, got ${inspect(got, { depth: 0, breakLength: Number.POSITIVE_INFINITY })}`,
  );
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
