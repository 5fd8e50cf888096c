import {
  identity,
  type ReduceOptions,
  reduceLogSumExp,
  reduceMax,
  reduceMean,
  reduceSum,
  type Value,
} from "@softmax-bench/graph";
import { axesFrom, axisFrom, type Reader, type Readers } from "./reader.js";

const reduction =
  (make: (x: Value, options: ReduceOptions) => Value): Reader =>
  (node) => {
    const x = node.input(0);
    const given = axesFrom(node, 1);
    const keepdims = node.flag("keepdims", true);
    const nothing = node.flag("noop_with_empty_axes") && !given?.length;
    if (nothing) return identity(x);
    const axes = given?.length
      ? given.map((axis) => axisFrom(node, axis, x.shape.length))
      : [...x.shape.keys()];
    return make(x, { axes: axes.sort((a, b) => a - b), keepdims });
  };

export const REDUCTIONS: Readers = {
  ...{ ReduceSum: reduction(reduceSum), ReduceMean: reduction(reduceMean) },
  ...{ ReduceMax: reduction(reduceMax), ReduceLogSumExp: reduction(reduceLogSumExp) },
};
