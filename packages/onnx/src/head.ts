import type { Value } from "@softmax-bench/graph";

/** A loss on top of a model. */
export interface Head {
  /** The inputs besides the logits. */
  readonly inputs: readonly Value[];
  /** The loss: a scalar, or one for each row or element. */
  readonly loss: Value;
  /** The gradient with respect to each of several losses, one of the inputs, if `gradient` has to be derived. */
  readonly upstream?: Value | undefined;
  /** Its gradient with respect to the logits; absent if it should be derived. */
  readonly gradient?: Value;
}
