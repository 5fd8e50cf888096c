import type { Value } from "@softmax-bench/graph";
import type { Rounding } from "../bounds/probabilities.js";
import type { LossOptions } from "../loss-options.js";

/** The inputs of a loss; float values have the dtype of the logits (float32 or float64). */
export interface LossInputs {
  /** `[N, C]`. */
  readonly logits: Value;
  /** Class indices `[N]` (int64), or probabilities `[N, C]`. */
  readonly labels: Value;
  /** Class weights `[C]`; undefined if classes have none. */
  readonly weights: Value | undefined;
  /** For reduction "none": gradient of a later quantity with respect to each row's loss, `[N]`. */
  readonly upstream: Value | undefined;
  readonly options: LossOptions;
}

/** The loss (a scalar, or `[N]` for reduction "none") and its gradient with respect to the logits `[N, C]`. */
export interface LossAndGradient {
  readonly loss: Value;
  readonly gradient: Value;
}

/** The kernels of a runtime, as far as the choice between programs depends on them. */
export interface ProgramKernels {
  /** True if its Softmax is slower than Exp, ReduceSum and Mul. */
  readonly slowSoftmax?: boolean;
}

/** One way to compute softmax cross-entropy, as expressions that any reader of graphs can run. */
export interface Formulation {
  /** The part of a method's id after the slash. */
  readonly id: string;
  readonly summary: string;
  /** The accumulation of its rounding errors, from which its error bound is derived. */
  readonly rounding: Rounding;
  /** The loss alone, to be differentiated automatically. Absent: there is no `autograd/<id>`. */
  readonly loss?: (inputs: LossInputs) => Value;
  /** The loss with a gradient written by hand. Absent: there is no `manual/<id>`. */
  readonly lossAndGradient?: (inputs: LossInputs) => LossAndGradient;
  /**
   * The same in fewer passes over memory, for ordinary inputs. On others its loss, or that of a row, is not finite, and
   * `lossAndGradient` applies. Undefined for options without a shortcut.
   */
  readonly shortcut?: (inputs: LossInputs, kernels: ProgramKernels) => LossAndGradient | undefined;
  /** True if `manual/<id>` has no graph: only a kernel written for it computes it, and its backend names the method. */
  readonly needsKernel?: true;
}
