import type { Value } from "@softmax-bench/graph";

/** What a loss is computed from: logits `[N, C]` (float32 or float64) and labels `[N]` (int64, in [0, C)). */
export interface LossInputs {
  readonly logits: Value;
  readonly labels: Value;
}

/** The mean loss (a scalar) and its gradient with respect to the logits `[N, C]`. */
export interface LossAndGradient {
  readonly loss: Value;
  readonly gradient: Value;
}

/** One way to compute mean softmax cross-entropy, as expressions that any reader of graphs can run. */
export interface Formulation {
  /** The part of a method's id behind the slash. */
  readonly id: string;
  readonly summary: string;
  /** The loss alone, to be differentiated automatically. Absent: there is no `autograd/<id>`. */
  readonly loss?: (inputs: LossInputs) => Value;
  /** The loss with a gradient written by hand. Absent: there is no `manual/<id>`. */
  readonly lossAndGradient?: (inputs: LossInputs) => LossAndGradient;
}
