import { exp, log, type Rule, reduceMax, reduceSum, sub, type Value } from "@softmax-bench/graph";

/**
 * `LogSoftmax` as the ONNX specification defines it in simpler operators (opset 13, function body):
 * z − log Σ exp(z), z = x − max x. ONNX Runtime's WebGPU provider has no kernel for it.
 */
export const logSoftmaxInSteps: Rule = (node, [x]) =>
  node.op === "LogSoftmax" && x ? [logSoftmaxSteps(x, Number(node.attributes.axis))] : undefined;

export function logSoftmaxSteps(x: Value, axis: number): Value {
  const along = { axes: [axis], keepdims: true };
  const z = sub(x, reduceMax(x, along));
  return sub(z, log(reduceSum(exp(z), along)));
}
