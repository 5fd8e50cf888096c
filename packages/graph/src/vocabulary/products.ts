import type { Value } from "../graph.js";
import { apply } from "../op.js";
import { stored } from "./numbers.js";

/** Matrix products of the last two axes, the others broadcast; NumPy's `matmul`, for operands of rank 2 or more. */
export const matMul = (a: Value, b: Value): Value => apply("MatMul", [a, b]);

export interface GemmOptions {
  readonly alpha?: number;
  readonly beta?: number;
  readonly transA?: boolean;
  readonly transB?: boolean;
}

/** alpha A B + beta C, where A and B are matrices, optionally transposed, and C broadcasts to their product. */
export const gemm = (
  a: Value,
  b: Value,
  c: Value | undefined,
  { alpha = 1, beta = 1, transA = false, transB = false }: GemmOptions = {},
): Value =>
  apply("Gemm", [a, b, ...(c ? [c] : [])], {
    alpha: stored(alpha),
    beta: stored(beta),
    transA: Number(transA),
    transB: Number(transB),
  });
