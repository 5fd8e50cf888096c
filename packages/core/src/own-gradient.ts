import type { FloatDType } from "@softmax-bench/graph";
import type { FloatArray } from "./float-array.js";

/** The inputs of a user's gradient: of the mean over rows that all have one label. */
export interface GradientProblem {
  /** `[N, C]`, row-major. */
  readonly logits: FloatArray;
  /** Class indices `[N]`. */
  readonly labels: Int32Array;
  /** N. */
  readonly rows: number;
  /** C. */
  readonly classes: number;
  readonly dtype: FloatDType;
  /** An array for the gradient. A function may return another one, which costs a copy. */
  readonly gradient: FloatArray;
}

/**
 * A user's gradient in plain JavaScript.
 * @returns the mean of the rows' losses, and its gradient with respect to the logits, `[N, C]`
 */
export type GradientFunction = (problem: GradientProblem) => {
  readonly loss: number;
  readonly gradient: ArrayLike<number>;
};

/**
 * Calls a user's gradient, and copies what it returns to the problem's array unless it is there.
 *
 * @param name the name of the function in messages
 * @returns the loss
 * @throws TypeError if the function does not return a loss and a gradient with an entry for each logit
 */
export function computeGradient(compute: GradientFunction, problem: GradientProblem, name: string): number {
  const { gradient: into } = problem;
  const { loss, gradient } = requireResult(compute(problem), into.length, name);
  if (gradient !== into) into.set(gradient);
  return loss;
}

function requireResult(result: unknown, length: number, name: string): ReturnType<GradientFunction> {
  const expected = `${name}: expected { loss, gradient }, a number and an array of ${length} numbers`;
  if (typeof result !== "object" || result === null) throw new TypeError(`${expected}; got ${result}`);
  if (result instanceof Promise) throw new TypeError(`${expected}; got a promise`);
  const { loss, gradient } = result as { readonly loss?: unknown; readonly gradient?: unknown };
  if (typeof loss !== "number") throw new TypeError(`${expected}; got a loss of type ${typeof loss}`);
  if (!Array.isArray(gradient) && !ArrayBuffer.isView(gradient)) {
    throw new TypeError(`${expected}; got a gradient of type ${typeof gradient}`);
  }
  const values = gradient as ArrayLike<number>;
  if (values.length !== length) throw new TypeError(`${expected}; got ${values.length} numbers`);
  return { loss, gradient: values };
}
