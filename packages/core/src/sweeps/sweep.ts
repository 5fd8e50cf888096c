import type { FloatDType } from "@softmax-bench/graph";
import type { Inputs } from "../backend.js";
import type { LossOptions } from "../loss-options.js";

/** Inputs along one axis, on which the errors of all methods are drawn as curves. */
export interface Sweep {
  readonly id: string;
  readonly summary: string;
  /** The quantity that varies, with its unit if it has one: "classes". */
  readonly axis: string;
  /** The values on the axis, ascending. Some depend on the range of the exponential. */
  points(dtype: FloatDType): readonly number[];
  shape(point: number): { readonly rows: number; readonly classes: number };
  /** Loss options that differ from the mean over labelled rows. */
  readonly loss?: Partial<LossOptions>;
  /** The inputs at a point: bit-identical on every machine for the same seed. */
  inputs(point: number, dtype: FloatDType, seed: number): Inputs;
}

/** A method counts as accurate if 99 of 100 entries are within this distance of the correctly rounded ones, in ULP. */
export const SWEEP_ULP_LIMIT = 4;
