import { broadcastIndices, broadcastShapes } from "../broadcast.js";
import { GraphError } from "../error.js";
import type { Value } from "../graph.js";
import type { OpDefinition } from "../op.js";
import {
  allocate,
  elementAt,
  FLOATS,
  isInteger,
  read,
  type Shape,
  sizeOf,
  type Tensor,
  type TensorData,
  type TensorType,
  write,
} from "../tensor.js";
import {
  gemm,
  matMul,
  mul,
  reshape,
  scalar,
  sumTo,
  transpose,
  transposeMatrices,
} from "../vocabulary/index.js";
import { broadcastReader, expectInputs, generate, NUMBERS, numberAttribute } from "./support.js";

const batchOf = (shape: Shape): Shape => shape.slice(0, -2);
const matrixOf = (shape: Shape): readonly [rows: number, columns: number] =>
  shape.slice(-2) as unknown as readonly [number, number];

function inferProduct(a: TensorType, b: TensorType): TensorType {
  if (a.dtype !== b.dtype)
    throw new GraphError(`operands must have one dtype, got ${a.dtype} and ${b.dtype}`);
  if (a.shape.length < 2 || b.shape.length < 2) throw new GraphError("takes operands of rank 2 or more");
  const [[rows, inner], [innerB, columns]] = [matrixOf(a.shape), matrixOf(b.shape)];
  if (inner !== innerB) throw new GraphError(`inner sizes ${inner} and ${innerB} differ`);
  return { dtype: a.dtype, shape: [...broadcastShapes(batchOf(a.shape), batchOf(b.shape)), rows, columns] };
}

/** A row or a column of a matrix. */
interface Run {
  readonly data: TensorData;
  readonly start: number;
  readonly step: number;
}

/** Computes a dot product whose sum is accumulated in double precision. */
function floatDot(a: Run, b: Run, length: number): number {
  let sum = 0;
  for (let k = 0; k < length; k++)
    sum += read(a.data, a.start + k * a.step) * read(b.data, b.start + k * b.step);
  return sum;
}

function integerDot(a: Run, b: Run, length: number): bigint {
  let sum = 0n;
  for (let k = 0; k < length; k++) {
    sum += BigInt(elementAt(a.data, a.start + k * a.step)) * BigInt(elementAt(b.data, b.start + k * b.step));
  }
  return sum;
}

function product(a: Tensor, b: Tensor, type: TensorType): Tensor {
  const [[rows, inner], [, columns]] = [matrixOf(a.shape), matrixOf(b.shape)];
  const batch = batchOf(type.shape);
  const ofA = broadcastIndices(batchOf(a.shape), batch);
  const ofB = broadcastIndices(batchOf(b.shape), batch);
  const data = allocate(type);
  const dot = isInteger(type) ? integerDot : floatDot;
  for (let matrix = 0, index = 0; matrix < sizeOf(batch); matrix++) {
    const startA = (ofA[matrix] as number) * rows * inner;
    const startB = (ofB[matrix] as number) * inner * columns;
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++, index++) {
        const ofRow = { data: a.data, start: startA + row * inner, step: 1 };
        const ofColumn = { data: b.data, start: startB + column, step: columns };
        write(data, index, dot(ofRow, ofColumn, inner));
      }
    }
  }
  return { dtype: type.dtype, shape: type.shape, data };
}

/** Products of the last two axes; the axes before them broadcast. */
export const MatMul: OpDefinition = {
  name: "MatMul",
  dtypes: NUMBERS,
  infer: (inputs) => [inferProduct(...expectInputs(inputs, 2))],
  evaluate: ([a, b], _, [type]) => (a && b && type ? [product(a, b, type)] : []),
  gradient: ({ inputs: [a, b], upstream: [upstream] }) => {
    if (!a || !b || !upstream) return [];
    return [sumTo(matMul(upstream, transposeMatrices(b)), a.shape), gradientOfRight(a, b, upstream)];
  },
};

/** Aᵀ U. For one matrix B of many products, the rows of all of them are multiplied at once, and no products are summed. */
function gradientOfRight(a: Value, b: Value, upstream: Value): Value {
  if (b.shape.length !== 2 || a.shape.length === 2)
    return sumTo(matMul(transposeMatrices(a), upstream), b.shape);
  const [inner, columns] = matrixOf(b.shape);
  const rows = sizeOf(a.shape.slice(0, -1));
  return matMul(transpose(reshape(a, [rows, inner])), reshape(upstream, [rows, columns]));
}

/** Returns the matrix whose transpose is given, or the matrix itself. */
const asTyped = (type: TensorType, transposed: boolean): TensorType =>
  transposed ? { dtype: type.dtype, shape: [...type.shape].reverse() } : type;

function transposed(x: Tensor): Tensor {
  const [rows = 0, columns = 0] = x.shape;
  const type = { dtype: x.dtype, shape: [columns, rows] };
  return generate(type, (index) => elementAt(x.data, (index % rows) * columns + Math.floor(index / rows)));
}

/** alpha A' B' + beta C, where A' and B' are the operands or their transposes. */
export const Gemm: OpDefinition = {
  name: "Gemm",
  dtypes: FLOATS,
  infer: ([a, b, c, ...others], attributes) => {
    if (!a || !b || others.length > 0) throw new GraphError("takes 2 or 3 inputs");
    if (a.shape.length !== 2 || b.shape.length !== 2) throw new GraphError("takes matrices");
    const result = inferProduct(
      asTyped(a, numberAttribute(attributes, "transA") === 1),
      asTyped(b, numberAttribute(attributes, "transB") === 1),
    );
    if (
      c &&
      (c.dtype !== a.dtype || String(broadcastShapes(c.shape, result.shape)) !== String(result.shape))
    ) {
      throw new GraphError(`a third input must broadcast to ${result.dtype}[${result.shape}]`);
    }
    return [result];
  },
  evaluate: ([a, b, c], attributes, [type]) => {
    if (!a || !b || !type) return [];
    const [alpha, beta] = [numberAttribute(attributes, "alpha"), numberAttribute(attributes, "beta")];
    const double = { dtype: "float64", shape: type.shape } as const;
    const ofAB = product(
      numberAttribute(attributes, "transA") === 1 ? transposed(a) : a,
      numberAttribute(attributes, "transB") === 1 ? transposed(b) : b,
      double,
    );
    const readC = c ? broadcastReader(c, type.shape) : () => 0;
    return [
      generate(type, (index) => alpha * read(ofAB.data, index) + (c ? beta * Number(readC(index)) : 0)),
    ];
  },
  gradient: ({ inputs: [a, b, c], attributes, upstream: [upstream] }) => {
    if (!a || !b || !upstream) return [];
    const alpha = numberAttribute(attributes, "alpha");
    const [transA, transB] = [
      numberAttribute(attributes, "transA") === 1,
      numberAttribute(attributes, "transB") === 1,
    ];
    // With A' = A or Aᵀ: dA' = alpha U B'ᵀ and dB' = alpha A'ᵀ U; a transposed operand gets the transpose.
    const ofA = transA
      ? gemm(b, upstream, undefined, { alpha, transA: transB, transB: true })
      : gemm(upstream, b, undefined, { alpha, transB: !transB });
    const ofB = transB
      ? gemm(upstream, a, undefined, { alpha, transA: true, transB: transA })
      : gemm(a, upstream, undefined, { alpha, transA: !transA });
    const beta = scalar(numberAttribute(attributes, "beta"), upstream.dtype);
    return [ofA, ofB, ...(c ? [sumTo(mul(upstream, beta), c.shape)] : [])];
  },
};
