import { cast, constant, type DType, equal, type Rule, reshape, tensor } from "@softmax-bench/graph";

/**
 * `OneHot` as a comparison of the indices with 0 … depth − 1: ONNX Runtime has no double kernel for `OneHot`,
 * and its float kernel is single-threaded and several times slower than `Equal` and `Cast`. Bit-identical.
 */
export const oneHotAsEqual: Rule = (node, [indices]) => {
  if (node.op !== "OneHot" || !indices) return undefined;
  const depth = Number(node.attributes.depth);
  const classes = constant(
    tensor(
      indices.dtype,
      [depth],
      Array.from({ length: depth }, (_, index) => index),
    ),
  );
  const column = reshape(indices, [...indices.shape, 1]);
  return [cast(equal(column, classes), node.attributes.dtype as DType)];
};
