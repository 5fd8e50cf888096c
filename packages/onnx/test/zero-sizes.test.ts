import {
  abs,
  concat,
  evaluate,
  expand,
  flatten,
  gather,
  gatherElements,
  indices,
  layerNormalization,
  leakyRelu,
  legalize,
  matMul,
  mul,
  optimize,
  pad,
  reduceLogSumExp,
  reduceMean,
  reduceSum,
  reshape,
  scatterElements,
  slice,
  softmax,
  split,
  squeeze,
  transpose,
  unsqueeze,
  type Value,
} from "@softmax-bench/graph";
import { ONNXRUNTIME_CPU } from "@softmax-bench/onnx";
import { expect, it } from "vitest";
import { expectClose, feedsFor, graphOf, runInRuntime } from "./support.js";

/** Functions of x `[2, 4]` with tensors of size 0 on the way. */
const CASES: Readonly<Record<string, (x: Value) => Value>> = {
  "no columns": (x) => slice(x, 1, 4, 4),
  "no rows": (x) => slice(x, 0, 1, 1),
  "no columns, in steps": (x) => slice(x, 1, 2, 2, 2),
  "no columns beside others": (x) => concat([slice(x, 1, 4, 4), slice(x, 1, 1, 3)], 1),
  "a piece of no columns": (x) => concat([...split(x, [0, 3, 1], 1)].reverse(), 1),
  "a sum over no columns": (x) => mul(reduceSum(slice(x, 1, 0, 0), { axes: [1], keepdims: true }), x),
  "a sum over no rows": (x) => mul(reduceSum(slice(x, 0, 0, 0), { axes: [0] }), x),
  "a sum of nothing": (x) => mul(reduceSum(slice(x, 0, 0, 0)), x),
  "a sum of no columns over rows": (x) => reduceSum(slice(x, 1, 0, 0), { axes: [0] }),
  "a mean of no columns over rows": (x) => reduceMean(slice(x, 1, 0, 0), { axes: [0] }),
  "log Σ exp of no columns over rows": (x) => reduceLogSumExp(slice(x, 1, 0, 0), { axes: [0] }),
  "a product over nothing": (x) => matMul(slice(x, 1, 0, 0), transpose(slice(x, 1, 2, 2))),
  "a product of no rows": (x) => matMul(slice(x, 0, 0, 0), transpose(x)),
  "a product of no columns": (x) => matMul(transpose(x), slice(x, 1, 0, 0)),
  "no columns under another shape": (x) => reshape(slice(x, 1, 0, 0), [0, 3, 2]),
  "no rows, flat": (x) => flatten(slice(x, 0, 0, 0), 1),
  "no rows with another axis": (x) => squeeze(unsqueeze(slice(x, 0, 2, 2), [1]), [1]),
  "no columns, padded": (x) => pad(slice(x, 1, 1, 1), [0, 1, 0, 2], 3),
  "no columns, repeated": (x) => expand(reshape(slice(x, 1, 1, 1), [2, 1, 0]), [2, 3, 0]),
  "no positions": (x) => gather(x, indices([0], []), 1),
  "no positions of an element each": (x) => gatherElements(x, indices([2, 0], []), 1),
  "nothing to scatter": (x) => scatterElements(x, indices([2, 0], []), slice(x, 1, 0, 0), 1, "add"),
  "the softmax of no rows": (x) => softmax(slice(x, 0, 0, 0), 1),
  "the normalisation of no rows": (x) =>
    layerNormalization(slice(x, 0, 0, 0), reshape(slice(x, 0, 0, 1), [4]), undefined),
  "elementwise operators on nothing": (x) => abs(leakyRelu(mul(slice(x, 0, 0, 0), slice(x, 0, 1, 2)))),
};

it.each(Object.entries(CASES))("ONNX Runtime computes the gradient of %s", async (_, make) => {
  const graph = graphOf({ shapes: [[2, 4]], make: make as never }, "float64");
  const feeds = feedsFor(graph);
  const expected = evaluate(graph, feeds);
  const legal = legalize(graph, ONNXRUNTIME_CPU);
  expectClose(await runInRuntime(legal, feeds), expected, 1e-14);
  expectClose(await runInRuntime(optimize(legal), feeds), expected, 1e-14);
  expect(expected.gradient0?.shape).toEqual([2, 4]);
});

it("ONNX Runtime computes the gradient with respect to what has no elements", async () => {
  const make = (x: Value, none: Value) => concat([x, none], 0);
  const graph = graphOf(
    {
      shapes: [
        [2, 4],
        [0, 4],
      ],
      make: make as never,
    },
    "float32",
  );
  const feeds = feedsFor(graph);
  const outputs = await runInRuntime(graph, feeds);
  expectClose(outputs, evaluate(graph, feeds), 0);
  expect(outputs.gradient1?.shape).toEqual([0, 4]);
});
