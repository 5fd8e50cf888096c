import type { GradientFunction } from "@softmax-bench/core";

/** `manual/shifted` in plain loops: exponentials of x − max x, and (p − t) / N. All arithmetic is in doubles. */
export const plainGradient: GradientFunction = ({ logits, labels, rows, classes, gradient }) => {
  let loss = 0;
  for (let row = 0; row < rows; row++) {
    const [start, end] = [row * classes, (row + 1) * classes];
    const target = start + (labels[row] as number);
    let [max, sum] = [Number.NEGATIVE_INFINITY, 0];
    for (let i = start; i < end; i++) max = Math.max(max, logits[i] as number);
    for (let i = start; i < end; i++) sum += Math.exp((logits[i] as number) - max);
    loss += (Math.log(sum) + max - (logits[target] as number)) / rows;
    for (let i = start; i < end; i++) {
      const probability = Math.exp((logits[i] as number) - max) / sum;
      gradient[i] = (i === target ? probability - 1 : probability) / rows;
    }
  }
  return { loss, gradient };
};
