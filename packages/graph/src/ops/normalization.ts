import { GraphError } from "../error.js";
import type { Value } from "../graph.js";
import type { TensorType } from "../tensor.js";
import { add, div, mul, reduceMean, reshape, scalar, sqrt, sub } from "../vocabulary/index.js";
import { composite } from "./composite.js";
import { numberAttribute, readAxis } from "./support.js";

/** (x − mean) / √(variance + ε) */
const normalized = (centred: Value, variance: Value, epsilon: number): Value =>
  div(centred, sqrt(add(variance, scalar(epsilon, centred.dtype))));

function checkPerChannel(x: TensorType, others: readonly TensorType[]): void {
  if (x.shape.length < 2) throw new GraphError(`takes [N, C, …], got [${x.shape}]`);
  const wrong = others.find(
    ({ dtype, shape }) => dtype !== x.dtype || shape.length !== 1 || shape[0] !== x.shape[1],
  );
  if (wrong)
    throw new GraphError(`takes ${x.dtype}[${x.shape[1]}] besides X, got ${wrong.dtype}[${wrong.shape}]`);
}

/**
 * ONNX `BatchNormalization`: X `[N, C, …]`, scale, B, running mean and running variance `[C]` → Y; with attribute
 * `training_mode` 1, the mean and variance of the batch are used instead (the variance without Bessel's correction),
 * and two further outputs are the running ones, moved towards them by 1 − `momentum`.
 */
export const BatchNormalization = composite(
  "BatchNormalization",
  (inputs, attributes) => {
    const [x, ...others] = inputs;
    if (!x || others.length !== 4) throw new GraphError(`takes 5 inputs, got ${inputs.length}`);
    checkPerChannel(x, others);
    const running = { dtype: x.dtype, shape: [x.shape[1] as number] };
    return numberAttribute(attributes, "training_mode") === 1 ? [x, running, running] : [x];
  },
  ([x, scale, offset, runningMean, runningVariance], attributes) => {
    if (!x || !scale || !offset || !runningMean || !runningVariance) return [];
    const column = (value: Value) =>
      reshape(value, [1, x.shape[1] as number, ...x.shape.slice(2).map(() => 1)]);
    const epsilon = numberAttribute(attributes, "epsilon");
    const scaled = (centred: Value, variance: Value) =>
      add(mul(normalized(centred, variance, epsilon), column(scale)), column(offset));
    if (numberAttribute(attributes, "training_mode") !== 1) {
      return [scaled(sub(x, column(runningMean)), column(runningVariance))];
    }
    const over = { axes: [...x.shape.keys()].filter((axis) => axis !== 1), keepdims: true };
    const mean = reduceMean(x, over);
    const centred = sub(x, mean);
    const variance = reduceMean(mul(centred, centred), over);
    const momentum = numberAttribute(attributes, "momentum");
    const moved = (running: Value, batch: Value) =>
      add(
        mul(running, scalar(momentum, x.dtype)),
        mul(reshape(batch, running.shape), scalar(1 - momentum, x.dtype)),
      );
    return [scaled(centred, variance), moved(runningMean, mean), moved(runningVariance, variance)];
  },
);

/**
 * ONNX `LayerNormalization`: X, scale and, optionally, B, which broadcast to X → Y. Each slice of X from attribute
 * `axis` on is normalised to mean 0 and variance 1.
 */
export const LayerNormalization = composite(
  "LayerNormalization",
  ([x, scale, offset, ...others], attributes) => {
    if (!x || !scale || others.length > 0) throw new GraphError("takes 2 or 3 inputs");
    const normalizedShape = x.shape.slice(readAxis(attributes, x.shape));
    for (const value of offset ? [scale, offset] : [scale]) {
      if (value.dtype !== x.dtype || String(value.shape) !== String(normalizedShape)) {
        throw new GraphError(
          `takes ${x.dtype}[${normalizedShape}] besides X, got ${value.dtype}[${value.shape}]`,
        );
      }
    }
    return [x];
  },
  ([x, scale, offset], attributes) => {
    if (!x || !scale) return [];
    const over = { axes: [...x.shape.keys()].slice(readAxis(attributes, x.shape)), keepdims: true };
    const centred = sub(x, reduceMean(x, over));
    const variance = reduceMean(mul(centred, centred), over);
    const y = mul(normalized(centred, variance, numberAttribute(attributes, "epsilon")), scale);
    return [offset ? add(y, offset) : y];
  },
);
