/** The reduction of the rows' losses to the loss: their (weighted) mean, their sum, or one loss per row. */
export type Reduction = "mean" | "sum" | "none";

/**
 * The variant of softmax cross-entropy: the options of PyTorch's `cross_entropy` and ONNX's `SoftmaxCrossEntropyLoss`.
 * The default (the mean over labelled rows) is the original experiment.
 *
 * With q the targets of a row (for a label y: w_y (1 − ε) at y, plus w_c ε/C everywhere; for probabilities t: w_c (t_c
 * (1 − ε) + ε/C)), its loss is Σ_c q_c (−ln p_c). Of labels, the mean divides by the sum of the weights w_y of the rows
 * that are not ignored; of probabilities, by the number of rows. (PyTorch 2, `aten/src/ATen/native/LossNLL.cpp`; ONNX
 * operator set 13.)
 *
 * - An ignored row has no loss and a gradient of 0, whatever its logits are.
 * - If the mean divides by 0 (every row is ignored, or has a label of weight 0), the mean is NaN. The gradient of each
 *   row that is not ignored is NaN too, smoothed or not, as in PyTorch.
 * - A masked class has a logit of −∞ and so p_c = 0. With q_c > 0 the loss is ∞; with q_c = 0 the class adds nothing.
 *   There PyTorch multiplies 0 by −∞, which is NaN, if q_c = 0 comes from probabilities or from class weights.
 */
export interface LossOptions {
  readonly reduction: Reduction;
  /** The target of a row: the index of its class, or a probability for each class. */
  readonly targets: "labels" | "probabilities";
  /** True if classes have weights w_c. */
  readonly weighted: boolean;
  /** Rows with this label have no loss and no gradient. For indices only; it may lie outside `[0, C)`. */
  readonly ignoreIndex?: number | undefined;
  /** ε in [0, 1]. */
  readonly labelSmoothing: number;
}

export const DEFAULT_LOSS: LossOptions = {
  reduction: "mean",
  targets: "labels",
  weighted: false,
  labelSmoothing: 0,
};
