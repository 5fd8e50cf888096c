import type { GradientProblem } from "softmax-bench";

/** Softmax cross-entropy in plain loops: the mean of the rows' losses, and (p − t) / N by hand. */
export function myGradient({ logits, labels, rows, classes, gradient }: GradientProblem) {
  let loss = 0;
  for (let start = 0, row = 0; row < rows; start += classes, row++) {
    const [end, target] = [start + classes, start + labels[row]];
    let [max, sum] = [Number.NEGATIVE_INFINITY, 0];
    for (let i = start; i < end; i++) max = Math.max(max, logits[i]);
    for (let i = start; i < end; i++) sum += Math.exp(logits[i] - max);
    loss += (Math.log(sum) - (logits[target] - max)) / rows;
    for (let i = start; i < end; i++) gradient[i] = Math.exp(logits[i] - max) / sum / rows;
    gradient[target] -= 1 / rows;
  }
  return { loss, gradient };
}
