/** How the rows' losses become the loss: their (weighted) mean, their sum, or one loss per row. */
export type Reduction = "mean" | "sum" | "none";

/**
 * Which softmax cross-entropy: what PyTorch's `cross_entropy` and ONNX's `SoftmaxCrossEntropyLoss` can be asked for.
 * The default – the mean over labelled rows – is the original experiment.
 *
 * With q the targets of a row (for a label y: w_y (1 − ε) at y, plus w_c ε/C everywhere; for probabilities t:
 * w_c (t_c (1 − ε) + ε/C)), its loss is Σ_c q_c (−ln p_c). Of labels, the mean divides by the sum of the weights w_y of
 * the rows that are not ignored; of probabilities, by the number of rows. Where every row is ignored, the mean is NaN and
 * its gradient 0. (PyTorch 2, `aten/src/ATen/native/LossNLL.cpp`; ONNX operator set 13.)
 */
export interface LossOptions {
  readonly reduction: Reduction;
  /** What a row is labelled with: the index of its class, or a probability for each class. */
  readonly targets: "labels" | "probabilities";
  /** Whether classes have weights w_c. */
  readonly weighted: boolean;
  /** Rows with this label have no loss and no gradient. Only for indices; it may lie outside `[0, C)`. */
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
