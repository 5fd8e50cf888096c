import {
  cast,
  greater,
  identity,
  type ReduceOptions,
  reduceLogSumExp,
  reduceMax,
  reduceMean,
  reduceSum,
  scalar,
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

/** Of `bool`, whether any holds, by counting them: operator sets before 20 have no such maximum. */
const maximum = (x: Value, options: ReduceOptions): Value =>
  x.dtype === "bool"
    ? greater(reduceSum(cast(x, "int32"), options), scalar(0, "int32"))
    : reduceMax(x, options);

export const REDUCTIONS: Readers = {
  ...{ ReduceSum: reduction(reduceSum), ReduceMean: reduction(reduceMean) },
  ...{ ReduceMax: reduction(maximum), ReduceLogSumExp: reduction(reduceLogSumExp) },
};
