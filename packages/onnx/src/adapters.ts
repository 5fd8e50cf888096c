import {
  add,
  constant,
  input,
  inputName,
  matMul,
  mul,
  type Node,
  read,
  scalar,
  substitute,
  type Tensor,
  tensor,
  topologicalOrder,
  type Value,
} from "@softmax-bench/graph";
import { ModelError, quote } from "./read/error.js";
import type { ReadGraph } from "./read/graph.js";
import type { Model } from "./read/model.js";
import { rewriteModel } from "./rewrite-model.js";

export interface AdapterOptions {
  /** The number of columns of B and rows of A. */
  readonly rank: number;
  /** Chooses among the matrices that the model multiplies by. */
  readonly isTarget: (name: string) => boolean;
  /** The factor of B A. Default: 1. */
  readonly scale?: number | undefined;
}

const names = (weight: string) => ({ a: `${weight}.lora.A`, b: `${weight}.lora.B` });

/**
 * Low-rank adapters (Hu et al. 2021, "LoRA"): a graph in which each chosen weight W `[m, n]` is W + scale · B A, with
 * parameters `<W>.lora.B` `[m, rank]` and `<W>.lora.A` `[rank, n]`. They are the only ones; the model's own are constants.
 * Start B at zeros and A at random numbers: at zeros for both, no gradient moves them.
 *
 * @param graph a graph of the model
 * @throws ModelError if no weight is chosen, or the rank is larger than a side of one
 */
export function withAdapters(
  model: Model,
  graph: ReadGraph,
  { rank, isTarget, scale = 1 }: AdapterOptions,
): ReadGraph {
  const factors = matrixFactors(graph);
  const targets = factors.filter((value) => isTarget(inputName(value)));
  if (targets.length === 0) {
    const listed = factors.slice(0, 12).map((value) => quote(inputName(value)));
    throw new ModelError(
      `no matrix of a MatMul or Gemm is chosen for adapters; there are ${listed.join(", ") || "none"}`,
    );
  }
  const parameters = new Map<string, Value>();
  const replaced = new Map<Value, Value>();
  for (const [name, value] of graph.parameters) {
    const stored = model.initializers.get(name);
    if (!stored) throw new ModelError(`the model stores no tensor ${quote(name)}`);
    const weight = constant(stored.read());
    replaced.set(value, targets.includes(value) ? adapted(value, weight) : weight);
  }
  return { ...substituteAll(graph, replaced), parameters };

  function adapted(value: Value, weight: Value): Value {
    const { dtype, shape } = value;
    const [rows = 0, columns = 0] = shape;
    const { a, b } = names(inputName(value));
    if (!(Number.isInteger(rank) && rank >= 1 && rank <= Math.min(rows, columns))) {
      throw new ModelError(
        `${quote(inputName(value))} is [${shape}]: adapters have a rank from 1 to ${Math.min(rows, columns)}, got ${rank}`,
      );
    }
    const [B, A] = [input(b, dtype, [rows, rank]), input(a, dtype, [rank, columns])];
    parameters.set(b, B).set(a, A);
    return add(weight, mul(scalar(scale, dtype), matMul(B, A)));
  }
}

/** Operators that move a matrix on its way into a product. */
const MOVEMENTS: ReadonlySet<string> = new Set(["Transpose", "Identity", "Cast"]);

/** The parameters that are matrices and, moved or not, a factor of a MatMul or Gemm. */
function matrixFactors({ parameters, outputs, values }: ReadGraph): Value[] {
  const factors = new Set<Node>();
  for (const { op, inputs } of topologicalOrder([...Object.values(outputs), ...(values?.values() ?? [])])) {
    if (op !== "MatMul" && op !== "Gemm") continue;
    for (let { node } of inputs.slice(0, 2)) {
      while (MOVEMENTS.has(node.op) && node.inputs[0]) node = node.inputs[0].node;
      factors.add(node);
    }
  }
  return [...parameters.values()].filter(({ node, shape }) => shape.length === 2 && factors.has(node));
}

/** The graph with other values in place of its parameters, in everything that it computes. */
function substituteAll(graph: ReadGraph, replaced: ReadonlyMap<Value, Value>): ReadGraph {
  const given = new Set(graph.parameters.values());
  const adapters = [...replaced.values()].flatMap((value) => topologicalOrder([value]));
  const inputs = adapters.filter(({ op }) => op === "Input").flatMap(({ outputs }) => outputs);
  return {
    ...rewriteModel(graph, (whole) => substitute(whole, replaced)),
    inputs: [...graph.inputs.filter((value) => !given.has(value)), ...inputs],
  };
}

/**
 * Weights with their adapters in them, W + scale · B A, computed in double precision and rounded once.
 *
 * @param adapters `<W>.lora.A` and `<W>.lora.B`; other tensors are returned as they are
 * @throws ModelError if one of a pair is missing, or their shapes do not fit the weight
 */
export function mergeAdapters(
  model: Model,
  adapters: ReadonlyMap<string, Tensor>,
  scale = 1,
): Map<string, Tensor> {
  const merged = new Map<string, Tensor>();
  for (const [name, given] of adapters) {
    const weight = /^(.+)\.lora\.[AB]$/s.exec(name)?.[1];
    if (weight === undefined) merged.set(name, given);
    else if (!merged.has(weight)) merged.set(weight, mergedWeight(model, adapters, weight, scale));
  }
  return merged;
}

function mergedWeight(
  { initializers }: Model,
  adapters: ReadonlyMap<string, Tensor>,
  weight: string,
  scale: number,
): Tensor {
  const stored = initializers.get(weight);
  if (!stored) throw new ModelError(`the model stores no tensor ${quote(weight)}`);
  const [A, B] = [adapters.get(names(weight).a), adapters.get(names(weight).b)];
  if (!A || !B) throw new ModelError(`${quote(names(weight)[A ? "b" : "a"])} is missing`);
  const [rows = 0, columns = 0] = stored.shape;
  const [rank = 0] = A.shape;
  const fits =
    stored.shape.length === 2 &&
    String(A.shape) === `${rank},${columns}` &&
    String(B.shape) === `${rows},${rank}`;
  if (!fits || A.dtype !== stored.dtype || B.dtype !== stored.dtype) {
    throw new ModelError(
      `adapters ${B.dtype}[${B.shape}] and ${A.dtype}[${A.shape}] do not fit ${quote(weight)}, ${stored.dtype}[${stored.shape}]`,
    );
  }
  const { data } = stored.read();
  const values = Array.from({ length: rows * columns }, (_, at) => {
    const [row, column] = [Math.floor(at / columns), at % columns];
    let product = 0;
    for (let k = 0; k < rank; k++)
      product += read(B.data, row * rank + k) * read(A.data, k * columns + column);
    return read(data, at) + scale * product;
  });
  return tensor(stored.dtype, stored.shape, values);
}
