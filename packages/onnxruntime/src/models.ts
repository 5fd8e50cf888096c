import {
  type FloatDType,
  type GradientTask,
  type Inputs,
  lossAndGradientGraph,
  type PrepareOptions,
  programFor,
} from "@softmax-bench/core";
import {
  constant,
  type Graph,
  GraphError,
  gatherElements,
  input,
  inputName,
  reshape,
  sizeOf,
  tensor,
  type Value,
} from "@softmax-bench/graph";
import { serialize } from "@softmax-bench/onnx";
import type { Legalize } from "./legalize.js";

/** The kernels that models are written for. */
export interface ModelKernels {
  readonly legalize: Legalize;
  /** The dtypes in which Softmax is slower than Exp, ReduceSum and Mul. Default: none. */
  readonly slowSoftmax?: readonly FloatDType[];
}

/** A model as bytes, and its inputs. */
export interface Model {
  readonly bytes: Uint8Array;
  readonly inputs: readonly ModelInput[];
}

export interface ModelInput {
  /** A field of `Inputs`. */
  readonly name: keyof Inputs;
  readonly dtype: Value["dtype"];
  readonly shape: readonly number[];
}

/** The ONNX models of a task. */
export interface Models {
  /** Output: `loss`. Undefined if it will not be run. */
  readonly forward: Model | undefined;
  /**
   * Outputs: `loss`, `gradient` and `probe`, one element of the gradient. Requesting `probe` makes ONNX Runtime compute
   * the whole gradient but move almost nothing; once it arrives, the gradient is done.
   */
  readonly gradient: Model;
  /** The same as `gradient`, but faster; if its loss is not finite, `gradient` applies. */
  readonly shortcut: Model | undefined;
}

/** Writes a task's forward and backward computation as ONNX models for the kernels of one provider. */
export function modelsFor(
  task: GradientTask,
  { legalize, slowSoftmax = [] }: ModelKernels,
  { forward = true }: PrepareOptions = {},
): Models {
  const program = programFor(task, { slowSoftmax: slowSoftmax.includes(task.dtype) });
  const backward = (graph: Graph) => toModel(legalize({ ...graph, outputs: withProbe(graph.outputs) }));
  return {
    forward: forward ? toModel(legalize(program.forward)) : undefined,
    gradient: backward(lossAndGradientGraph(program)),
    shortcut: program.kind === "manual" && program.shortcut ? backward(program.shortcut) : undefined,
  };
}

/** @throws Error if a task was prepared without what `forward` runs */
export function requireForward<T>(forward: T | undefined): T {
  if (forward !== undefined) return forward;
  throw new Error("expected a task that was prepared for forward, got one that was not; prepare it again");
}

const toModel = (graph: Graph): Model => ({
  bytes: serialize(graph),
  inputs: graph.inputs.map((value) => ({
    name: inputName(value) as keyof Inputs,
    dtype: value.dtype,
    shape: value.shape,
  })),
});

/** A model that copies its input `from` to its output `to`, between any two locations. */
export function copyModel(dtype: Value["dtype"], shape: Value["shape"]): Uint8Array {
  const from = input("from", dtype, shape);
  return serialize({ name: "copy", inputs: [from], outputs: { to: from } });
}

function withProbe({ loss, gradient }: Graph["outputs"]): Graph["outputs"] {
  if (!loss || !gradient) throw new GraphError('a gradient graph needs the outputs "loss" and "gradient"');
  const first = constant(tensor("int64", [1, 1], [0]));
  return { loss, gradient, probe: gatherElements(reshape(gradient, [1, sizeOf(gradient.shape)]), first, 1) };
}
