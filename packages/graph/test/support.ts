import { constant, mul, reduceSum, sizeOf, tensor, type Value } from "@softmax-bench/graph";

/** A scalar that depends on every element, with different weights. */
export function weighted(value: Value): Value {
  const weights = Array.from({ length: sizeOf(value.shape) }, (_, i) => 0.3 + ((i * 7) % 5));
  return reduceSum(mul(value, constant(tensor("float64", value.shape, weights))));
}
