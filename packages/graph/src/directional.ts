import { differentiate } from "./differentiate.js";
import { GraphError } from "./error.js";
import { input, type Value } from "./graph.js";
import { substitute } from "./rewrite/substitute.js";
import { formatType, sameShape } from "./tensor.js";
import { add, expand, mul, reduceSum, scalar } from "./vocabulary/index.js";

/**
 * Jacobian-vector product: the derivative of `result` along a direction, Σᵢ ∂result/∂wrtᵢ · directionᵢ, of its shape.
 * Gradients are linear in the upstream gradient, so that differentiating them with respect to it transposes the
 * Jacobian a second time; no forward rules are needed.
 * @throws GraphError if a direction does not have the type of its value, or an operator has no gradient
 */
export function jacobianVectorProduct(
  result: Value,
  wrt: readonly Value[],
  directions: readonly Value[],
): Value {
  const upstream = input("upstream", result.dtype, result.shape);
  const gradients = differentiate(result, wrt, upstream);
  const [product = upstream] = differentiate(alongDirections(gradients, wrt, directions), [upstream]);
  // What is linear in the upstream gradient has a derivative without it; any value would do.
  const zeros = expand(scalar(0, result.dtype), result.shape);
  const graph = { name: "jvp", inputs: [upstream], outputs: { product } };
  return substitute(graph, new Map([[upstream, zeros]])).product ?? product;
}

/**
 * Hessian-vector products: the derivatives of the gradients of a scalar along a direction, one per entry of `wrt`, of
 * its shape.
 * @param gradients the gradient with respect to each of `wrt`
 * @throws GraphError if a direction does not have the type of its value, or an operator has no second gradient
 */
export const hessianVectorProduct = (
  gradients: readonly Value[],
  wrt: readonly Value[],
  directions: readonly Value[],
): Value[] => differentiate(alongDirections(gradients, wrt, directions), wrt);

/** Σᵢ gradientᵢ · directionᵢ, a scalar. */
function alongDirections(
  gradients: readonly Value[],
  wrt: readonly Value[],
  directions: readonly Value[],
): Value {
  const products = wrt.map((value, at) => {
    const [gradient, direction] = [gradients[at], directions[at]];
    if (
      !gradient ||
      !direction ||
      direction.dtype !== value.dtype ||
      !sameShape(direction.shape, value.shape)
    ) {
      const got = direction ? formatType(direction) : "none";
      throw new GraphError(`the direction of a ${formatType(value)} must have its type, got ${got}`);
    }
    return reduceSum(mul(gradient, direction));
  });
  const [first, ...others] = products;
  if (!first) throw new GraphError("there is nothing to differentiate with respect to");
  return others.reduce(add, first);
}
