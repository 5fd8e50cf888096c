import {
  type Accuracy,
  type COMPARISONS,
  type DistanceRecord,
  FAITHFUL,
  type FloatArray,
  type FloatDType,
  floatArray,
  type GradientResult,
  type KernelAccuracy,
  METHODS,
} from "@softmax-bench/core";
import { sha256, type Values } from "@softmax-bench/measure";
import { assessGradient, assessLoss, countNonFinite, distance, largestRowSum } from "@softmax-bench/numerics";
import { keyOf, type PlannedCell } from "../../plan/plan.js";
import { boundRatio } from "./bound-ratio.js";
import { GradientBuffers } from "./gradient-buffers.js";
import type { InputSource } from "./inputs.js";
import { type CheckedReference, ReferenceSource } from "./oracle-cache.js";

/** The parent's findings about a gradient. */
export interface Verdict {
  readonly loss: number;
  /** Absent if only digests are taken. */
  readonly accuracy?: Accuracy;
  readonly gradientDigest: string;
  /** Distances to the gradients of compared methods that came earlier. */
  readonly distances: readonly DistanceRecord[];
}

export interface JudgeOptions {
  readonly seed: number;
  readonly inputs: InputSource;
  /** Accuracy of each backend's exponentials and logarithms. */
  readonly kernels: ReadonlyMap<string, KernelAccuracy>;
}

/** The checks of one gradient. */
export interface GradientChecks {
  /** True if its errors are checked; otherwise only its digest and the loss. */
  readonly errors: boolean;
  /** Pairs of methods to compare it in. The gradient is held until the other one of each pair has arrived. */
  readonly pairs: readonly (typeof COMPARISONS)[number][];
}

/**
 * Compares gradients with the oracle and with each other. It runs in the parent, so that neither the oracle's
 * memory nor its time shows in a measuring process.
 */
export class Judge {
  readonly #options: JudgeOptions;
  readonly #references: ReferenceSource;
  readonly #buffers = new GradientBuffers();
  /** Gradients that wait for their counterpart, by cell. */
  readonly #held = new Map<string, GradientResult>();

  constructor(options: JudgeOptions) {
    this.#options = options;
    this.#references = new ReferenceSource(options.seed, options.inputs);
  }

  /** @param read fills arrays with the cell's loss and gradient @throws Error if `read` throws */
  async assess(
    cell: PlannedCell,
    read: (into: readonly Values[]) => void,
    { errors, pairs }: GradientChecks,
  ): Promise<Verdict> {
    const { rows, classes } = cell.workload;
    const gradient = this.#buffers.acquire(cell.dtype, rows * classes);
    const loss = floatArray(cell.dtype, 1);
    read([loss, gradient]);
    const found = { loss: loss[0] as number, gradientDigest: await sha256(gradient) };
    const accuracy = errors ? this.#assess(cell, { loss, gradient }) : undefined;
    const distances = this.#compare(cell, { loss, gradient }, pairs);
    return { ...found, ...(accuracy ? { accuracy } : {}), distances };
  }

  /** Releases the gradients that wait for a cell without a gradient. */
  abandon(cell: PlannedCell, pairs: GradientChecks["pairs"]): void {
    for (const pair of pairs) this.#release(keyOf({ ...cell, method: otherMethod(pair, cell) }));
  }

  #assess(cell: PlannedCell, { loss, gradient }: GradientResult): Accuracy {
    const { checked, reference } = this.#references.of(cell);
    return {
      lossRelError: assessLoss(loss, reference),
      rowsChecked: checked.length,
      gradient: {
        ...assessCheckedRows(gradient, { checked, reference }, cell.dtype),
        ...this.#boundRatio(cell, gradient, { checked, reference }),
      },
    };
  }

  /** Nothing is known beforehand of a formula that is not ours. */
  #boundRatio(
    cell: PlannedCell,
    gradient: FloatArray,
    checked: CheckedReference,
  ): Pick<Accuracy["gradient"], "boundRatio"> {
    if (!METHODS.some(({ id }) => id === cell.method)) return {};
    const inputs = this.#options.inputs.of(cell.workload, cell.dtype);
    const kernels = this.#options.kernels.get(cell.backend) ?? FAITHFUL;
    return { boundRatio: boundRatio(cell, { inputs, gradient, ...checked }, kernels) };
  }

  /** Distances to the held gradients. This one is held if a counterpart is still to come. */
  #compare(cell: PlannedCell, result: GradientResult, pairs: GradientChecks["pairs"]): DistanceRecord[] {
    const { backend, host, dtype, workload } = cell;
    const distances: DistanceRecord[] = [];
    let isAwaited = false;
    for (const pair of pairs) {
      const otherKey = keyOf({ ...cell, method: otherMethod(pair, cell) });
      const other = this.#held.get(otherKey);
      if (!other) {
        isAwaited = true;
        continue;
      }
      const [a, b] = pair;
      const [manual, automatic] = cell.method === a ? [result, other] : [other, result];
      const loss = Math.abs((manual.loss[0] as number) - (automatic.loss[0] as number));
      const between = distance(manual.gradient, automatic.gradient, dtype);
      distances.push({ backend, host, dtype, workload: workload.id, a, b, ...between, loss });
      this.#release(otherKey);
    }
    if (isAwaited) this.#held.set(keyOf(cell), result);
    else this.#buffers.release(result.gradient);
    return distances;
  }

  #release(key: string): void {
    this.#buffers.release(this.#held.get(key)?.gradient);
    this.#held.delete(key);
  }
}

const otherMethod = ([a, b]: GradientChecks["pairs"][number], { method }: PlannedCell) =>
  method === a ? b : a;

/** Errors of the checked rows. Non-finite entries and row sums always cover all rows. */
function assessCheckedRows(
  gradient: FloatArray,
  { checked, reference }: CheckedReference,
  dtype: FloatDType,
): Accuracy["gradient"] {
  const { classes } = reference;
  if (checked.length * classes === gradient.length) return assessGradient(gradient, reference, dtype);
  const rowSumResidual = largestRowSum(gradient, classes);
  return {
    ...assessGradient(pickRows(gradient, checked, classes), reference, dtype),
    nonFinite: Number.isFinite(rowSumResidual) ? 0 : countNonFinite(gradient),
    rowSumResidual,
  };
}

/** Copies some rows of a row-major matrix into a new one. */
function pickRows<T extends FloatArray>(matrix: T, rows: Int32Array, classes: number): T {
  const picked = matrix.slice(0, rows.length * classes) as T;
  for (const [position, row] of rows.entries()) {
    picked.set(matrix.subarray(row * classes, (row + 1) * classes), position * classes);
  }
  return picked;
}
