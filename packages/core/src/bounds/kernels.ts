import type { FloatDType } from "@softmax-bench/graph";

/** What a runtime's elementary functions reach, in unit roundoffs. Backends with weaker ones than `FAITHFUL` say so. */
export interface KernelAccuracy {
  /** Relative error of exp(x): `fixed + perArgument · |x|`. */
  readonly exp: { readonly fixed: number; readonly perArgument: number };
  /** Error of log(x): `absolute + relative · |log x|`. */
  readonly log: { readonly absolute: number; readonly relative: number };
  /** Relative error of a division. */
  readonly division: number;
  /** Where they have the accuracy of this dtype whatever the tensor's. */
  readonly precision?: FloatDType;
}

/** Two ULP for exponentials and logarithms, as mathematical libraries of processors have; IEEE 754 division. */
export const FAITHFUL: KernelAccuracy = {
  exp: { fixed: 4, perArgument: 0 },
  log: { absolute: 0, relative: 4 },
  division: 1,
};
